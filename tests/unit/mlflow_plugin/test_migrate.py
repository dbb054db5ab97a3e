"""A database that stock MLflow wrote: looked at, migrated and given back, saying the same."""

import json
import math
import shutil
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Metric, RunTag
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from tests.server import command
from tests.unit.mlflow_plugin.conftest import ARTIFACT_ROOT, MLFLOWS_WARNINGS, rows
from tests.unit.mlflow_plugin.test_metric_store import KEYS, answers

from headwater.mlflow_plugin.tracking_store import open_tracking_store
from headwater.storage.metadata.sqlite_connection import connect

pytestmark = [pytest.mark.slow, *MLFLOWS_WARNINGS]

ODD = (math.nan, math.inf, -math.inf, -0.0, 5e-324, 0.1, 0.1)
ROWS = "SELECT run_uuid, key, step, timestamp, value, is_nan FROM metrics ORDER BY 1, 2, 3, 4, 5, 6"


def headwater(*arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments, "--backend-store-uri", f"sqlite:///{path}"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=path.parent,
    )


@pytest.fixture(scope="module")
def written_by_mlflow(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Two runs in a database that nothing but MLflow has opened, and their ids."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    store = SqlAlchemyStore(f"sqlite:///{path}", ARTIFACT_ROOT)
    run_ids = []
    for name in ("one", "two"):
        run_id = store.create_run("0", "user", 1, [RunTag("a", "b")], name).info.run_id
        run_ids.append(run_id)
        for key in KEYS:
            metrics = [Metric(key, value, i // 2, i % 3) for i, value in enumerate(ODD)]
            store.log_batch(run_id, metrics, [], [])
            metrics = [Metric(key, i / 7, 100 + i, i - 50) for i in range(400)]
            store.log_batch(run_id, metrics, [], [])
    store.engine.dispose()
    return path, run_ids


@pytest.fixture
def database(written_by_mlflow: tuple[Path, list[str]], tmp_path: Path) -> tuple[Path, list[str]]:
    original, run_ids = written_by_mlflow
    return Path(shutil.copy(original, tmp_path / "mlflow.db")), run_ids


def told_by(open_store: Callable[[], Any], run_ids: list[str]) -> dict[str, Any]:
    store = open_store()
    told = answers(store, run_ids)
    store.engine.dispose()
    return told


def told_by_mlflow(path: Path, run_ids: list[str]) -> dict[str, Any]:
    return told_by(lambda: SqlAlchemyStore(f"sqlite:///{path}", ARTIFACT_ROOT), run_ids)


def told_by_headwater(path: Path, run_ids: list[str]) -> dict[str, Any]:
    return told_by(
        lambda: open_tracking_store(f"headwater+sqlite:///{path}", ARTIFACT_ROOT), run_ids
    )


@pytest.mark.parametrize("options", [["--verify"], ["--offline"], ["--vacuum", "--share", "1"]])
def test_migration_and_export_change_no_answer(
    database: tuple[Path, list[str]], options: list[str]
) -> None:
    path, run_ids = database
    before, old_rows = told_by_mlflow(path, run_ids), rows(path, ROWS)
    done = headwater("migrate", *options, "--json", path=path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["points"] == len(old_rows) > 2_000
    assert (result["runs"], result["left_rows"], result["differing"]) == (2, 0, [])
    assert rows(path, ROWS) == []
    assert headwater("check", path=path).returncode == 0
    assert told_by_headwater(path, run_ids) == before
    assert headwater("export-metrics", path=path).returncode == 0
    assert rows(path, ROWS) == old_rows
    assert told_by_mlflow(path, run_ids) == before


def test_a_second_migration_has_nothing_to_do(database: tuple[Path, list[str]]) -> None:
    path, _ = database
    first = headwater("migrate", path=path)
    assert first.stdout.startswith("Migrated 2,4"), first.stderr
    assert "--vacuum" in first.stdout
    assert headwater("migrate", path=path).stdout.startswith("Migrated 0 points of 0 runs")


def test_vacuum_makes_the_file_smaller(database: tuple[Path, list[str]]) -> None:
    path, _ = database
    before = path.stat().st_size
    result = json.loads(headwater("migrate", "--vacuum", "--json", path=path).stdout)
    assert result["bytes_after"] == path.stat().st_size < before - 300_000


@pytest.mark.parametrize("arguments", [["doctor"], ["doctor", "--json"], ["migrate", "--plan"]])
def test_looking_changes_nothing(database: tuple[Path, list[str]], arguments: list[str]) -> None:
    path, _ = database
    before = path.read_bytes()
    done = headwater(*arguments, path=path)
    assert done.returncode == 0, done.stderr
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["mlflow.db"]


def test_doctor_tells_what_is_there_and_what_to_do(database: tuple[Path, list[str]]) -> None:
    path, _ = database
    report = json.loads(headwater("doctor", "--json", path=path).stdout)
    assert report["rows"]["runs"] == 2
    assert report["rows"]["metrics"] == report["gain"]["rows"] > 2_000
    assert report["runs_by_status"] == {"RUNNING": 2}
    assert report["headwater_revision"] is None
    assert report["gain"]["bytes"] == report["sizes"]["tables"]["metrics"]
    assert report["gain"]["bytes_as_chunks"] < report["gain"]["bytes"] / 2
    texts = " ".join(finding["text"] for finding in report["findings"])
    assert "metric points are rows" in texts
    assert "RUNNING since more than a week" in texts
    assert "tables are not there yet" in texts
    assert "journal mode delete" in texts
    headwater("migrate", "--vacuum", path=path)
    after = json.loads(headwater("doctor", "--json", path=path).stdout)
    assert after["rows"]["metrics"] == 0
    assert after["stored"]["chunk_points"] == report["rows"]["metrics"]
    assert after["bytes_a_point"] < report["bytes_a_point"]
    assert [f["text"][:10] for f in after["findings"]] == ["2 runs are"]


def test_offline_refuses_while_another_has_the_file_open(
    database: tuple[Path, list[str]],
) -> None:
    path, _ = database
    headwater("doctor", path=path)
    with closing(connect(path)) as other:
        other.execute("SELECT count(*) FROM runs").fetchone()
        refused = headwater("migrate", "--offline", path=path)
    assert refused.returncode == 1
    assert "stop every server" in refused.stderr
    assert headwater("migrate", "--offline", path=path).returncode == 0
    assert rows(path, ROWS) == []


def test_a_damaged_chunk_is_told_and_its_rows_stay(database: tuple[Path, list[str]]) -> None:
    path, run_ids = database
    headwater("migrate", path=path)
    with closing(connect(path)) as connection:
        connection.execute("UPDATE headwater_metric_chunks SET payload = x'00' WHERE chunk_id = 1")
    plain = SqlAlchemyStore(f"sqlite:///{path}", ARTIFACT_ROOT)
    for run_id in run_ids:
        for key in KEYS:
            plain.log_metric(run_id, Metric(key, 0.5, 100, 0))
    plain.engine.dispose()
    for options in ([], ["--offline"]):
        done = headwater("migrate", *options, path=path)
        assert done.returncode == 1
        assert "rows stay" in done.stderr
        assert len(rows(path, ROWS)) in (1, len(KEYS))
