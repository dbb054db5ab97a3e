"""A database that stock MLflow 3.12.0 made: refused, upgraded by MLflow, then served."""

import gzip
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Metric
from tests.unit.mlflow_plugin.conftest import MLFLOWS_WARNINGS, rows
from tests.unit.mlflow_plugin.test_export import compact_runs
from tests.unit.mlflow_plugin.test_metric_store import as_tuples

from headwater.errors import SchemaError
from headwater.mlflow_plugin.tracking_store import open_tracking_store
from headwater.mlflow_release import installed_release
from headwater.storage.metadata.prepare import SchemaState, inspect, migrate
from headwater.storage.metadata.sqlite_connection import connect
from headwater.storage.metrics.sqlite import SqliteMetricEngine
from headwater.storage.migrations.upgrade import upgrade_file

pytestmark = [pytest.mark.slow, *MLFLOWS_WARNINGS]

RELEASE = installed_release()
OLD_DATABASE = Path(__file__).parents[1] / "storage" / "data" / "mlflow-3.12.0.db.gz"
OLD_METRICS = "SELECT run_uuid, key, step, timestamp, value, is_nan FROM metrics ORDER BY 1, 2, 4"
is_oldest = RELEASE.version.startswith("3.12.")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "mlflow.db"
    path.write_bytes(gzip.decompress(OLD_DATABASE.read_bytes()))
    return path


def mlflow(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "mlflow", *arguments],
        check=True,
        capture_output=True,
        timeout=300,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
    )


def stored_value(value: float, is_nan: int) -> Any:
    return "nan" if is_nan else value


def test_is_served_after_mlflows_own_upgrade(path: Path) -> None:
    old = rows(path, OLD_METRICS)
    if not is_oldest:
        with pytest.raises(SchemaError, match="mlflow db upgrade"):
            inspect(path, RELEASE)
    mlflow("db", "upgrade", f"sqlite:///{path}")
    assert inspect(path, RELEASE) is SchemaState.NEEDS_MIGRATION
    migrate(path)
    assert inspect(path, RELEASE) is SchemaState.CURRENT
    assert rows(path, OLD_METRICS) == old

    store = open_tracking_store(f"headwater+sqlite:///{path}", "mlflow-artifacts:/")
    for run in store.search_runs(["0"], "", 1):
        history = store.get_metric_history(run.info.run_id, "loss")
        assert [(m.step, m.timestamp, m.value) for m in history] == [
            row[2:5] for row in old if row[:2] == (run.info.run_id, "loss")
        ]
        store.log_batch(
            run.info.run_id,
            [history[3], Metric("loss", 0.5, history[-1].timestamp + 1, 50)],
            [],
            [],
        )
        assert [m.step for m in store.get_metric_history(run.info.run_id, "loss")] == [*range(51)]
        odd = as_tuples(store.get_metric_history(run.info.run_id, "odd"))
        assert [value for *_, value, _ in odd] == [
            stored_value(value, is_nan)
            for run_id, key, _, _, value, is_nan in old
            if (run_id, key) == (run.info.run_id, "odd")
        ]
    store.engine.dispose()
    assert rows(path, OLD_METRICS) == old


def test_blocks_survive_mlflows_upgrade(path: Path) -> None:
    """MLflow rebuilds tables on SQLite, the one that our blocks refer to among them."""
    upgrade_file(path)
    run_id = rows(path, "SELECT run_uuid FROM runs")[0][0]
    with closing(connect(path)) as connection:
        SqliteMetricEngine().append_point(connection, run_id, "new", 1, 2, 3.0)
    mlflow("db", "upgrade", f"sqlite:///{path}")
    assert inspect(path, RELEASE) is SchemaState.CURRENT
    with closing(connect(path)) as connection:
        series = SqliteMetricEngine().history(connection, run_id, "new")
    assert series is not None
    assert (series.steps.tolist(), series.values.tolist()) == ([1], [3.0])
    assert rows(path, "PRAGMA foreign_key_check") == []
    with closing(connect(path)) as connection:
        connection.execute("DELETE FROM params")
        connection.execute("DELETE FROM tags")
        connection.execute("DELETE FROM latest_metrics")
        connection.execute("DELETE FROM metrics")
        connection.execute("DELETE FROM runs")
    assert rows(path, "SELECT * FROM headwater_metric_blocks") == []


@pytest.mark.parametrize("scheme", ["sqlite", "headwater+sqlite"])
def test_garbage_collection_removes_blocks_and_chunks(
    store: Any, tmp_path: Path, scheme: str
) -> None:
    path = Path(store.engine.url.database)
    # Not the default experiment, whose artifacts only a running server could delete.
    experiment = store.create_experiment("local", str(tmp_path))
    kept, removed = (
        store.create_run(experiment, "someone", 1, [], name).info.run_id
        for name in ("kept", "removed")
    )
    for run_id in (kept, removed):
        store.log_metric(run_id, Metric("a", 1.0, 1, 1))
        compact_runs(path, [run_id])
        store.log_metric(run_id, Metric("a", 2.0, 2, 2))
    store.delete_run(removed)
    uri = f"{scheme}:///{path}"
    mlflow("gc", "--tracking-uri", uri, "--backend-store-uri", uri, "--run-ids", removed)
    for table in ("blocks", "series", "chunks JOIN headwater_metric_series USING (series_id)"):
        assert rows(path, f"SELECT run_uuid FROM headwater_metric_{table}") == [(kept,)]
    assert rows(path, "SELECT count(*) FROM headwater_metric_chunks") == [(1,)]
    assert rows(path, "SELECT run_uuid FROM runs") == [(kept,)]
