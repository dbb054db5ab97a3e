"""After an export plain MLflow tells the same of every metric as our store did."""

import asyncio
import json
import math
import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import pytest
from mlflow.entities import Metric
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from tests.unit.mlflow_plugin.conftest import MLFLOWS_WARNINGS, insert_run, rows
from tests.unit.mlflow_plugin.test_metric_store import KEYS, answers, as_tuples

from headwater.errors import CorruptBlockError
from headwater.storage.metadata.base import Database
from headwater.storage.metadata.sqlite import SqliteDatabase
from headwater.storage.metrics import export as exporting
from headwater.storage.metrics.compact import compact_run
from headwater.storage.metrics.export import Exported

pytestmark = MLFLOWS_WARNINGS

Result = TypeVar("Result")

ODD = (math.nan, math.inf, -math.inf, -0.0, 5e-324, 0.1, 0.1)


def path_of(store: Any) -> Path:
    return Path(store.engine.url.database)


def filled(store: Any) -> list[str]:
    """Log points of two runs into blocks, and some that are rows already."""
    run_ids = sorted(uuid.uuid4().hex for _ in range(2))
    for run_id in run_ids:
        insert_run(path_of(store), run_id)
        for key in KEYS:
            store.log_batch(
                run_id, [Metric(key, value, i // 2, i % 3) for i, value in enumerate(ODD)], [], []
            )
        store.log_metric(run_id, Metric(KEYS[0], 1.0, 1, 1))
        store.log_metric(run_id, Metric(KEYS[0], 1.0, 1, 1))
    plain = SqlAlchemyStore(f"sqlite:///{path_of(store)}", "mlflow-artifacts:/")
    plain.log_batch(run_ids[0], [Metric(KEYS[0], 0.1, 2, 2), Metric(KEYS[0], 4.0, 9, 9)], [], [])
    plain.engine.dispose()
    return run_ids


def on_database(path: Path, work: Callable[[Database], Awaitable[Result]]) -> Result:
    """Do the work in an event loop of its own, whether or not one is running here."""

    async def do() -> Result:
        database = SqliteDatabase(path)
        try:
            return await work(database)
        finally:
            database.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(do())).result()


def compact_runs(path: Path, run_ids: list[str]) -> None:
    async def compact_all(database: Database) -> None:
        for run_id in run_ids:
            await compact_run(database, run_id)

    on_database(path, compact_all)


def export(path: Path, *, keep: bool, progress: Callable[[Exported], None]) -> Exported:
    return on_database(
        path, lambda database: exporting.export(database, keep=keep, progress=progress)
    )


def stored(path: Path) -> Exported:
    return on_database(path, lambda database: database.read(exporting.stored))


def answers_of_plain_mlflow(path: Path, run_ids: list[str]) -> dict[str, Any]:
    plain = SqlAlchemyStore(f"sqlite:///{path}", "mlflow-artifacts:/")
    told = answers(plain, run_ids)
    plain.engine.dispose()
    return told


@pytest.mark.parametrize("keep", [False, True])
def test_plain_mlflow_sees_every_point(store: Any, keep: bool) -> None:
    run_ids = filled(store)
    before = answers(store, run_ids)
    path = path_of(store)
    assert stored(path) == Exported(blocks=10, points=46)
    totals: list[Exported] = []
    assert export(path, keep=keep, progress=totals.append) == Exported(10, 46)
    assert totals[-1] == Exported(10, 46)
    assert stored(path) == (Exported(10, 46) if keep else Exported(0, 0))
    assert answers_of_plain_mlflow(path, run_ids) == before
    assert answers(store, run_ids) == before
    again = export(path, keep=keep, progress=totals.append)
    assert again == (Exported(10, 46) if keep else Exported(0, 0))
    assert answers_of_plain_mlflow(path, run_ids) == before


@pytest.mark.parametrize("keep", [False, True])
def test_plain_mlflow_sees_every_point_of_compacted_runs(store: Any, keep: bool) -> None:
    run_ids = filled(store)
    before = answers(store, run_ids)
    path = path_of(store)
    compact_runs(path, run_ids)
    assert rows(path, "SELECT * FROM headwater_metric_blocks") == []
    assert answers(store, run_ids) == before
    found = stored(path)
    assert found.points > 0
    assert export(path, keep=keep, progress=lambda _: None) == found
    assert stored(path) == (found if keep else Exported())
    assert answers_of_plain_mlflow(path, run_ids) == before
    assert answers(store, run_ids) == before


def test_a_series_that_grows_while_it_is_exported_is_exported_whole(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headwater.storage.metrics.compaction.LARGEST_CHUNK", 4)
    run_id = uuid.uuid4().hex
    path = path_of(store)
    insert_run(path, run_id)
    store.log_batch(run_id, [Metric("a", float(i), i, i) for i in range(20)], [], [])
    compact_runs(path, [run_id])
    late = iter((Metric("a", 7.5, 3, 3), Metric("a", 8.5, 99, 99)))

    def log_late_points(_: Exported) -> None:
        for metric in late:
            store.log_batch(run_id, [metric], [], [])
            compact_runs(path, [run_id])
            break

    export(path, keep=False, progress=log_late_points)
    told = as_tuples(store.get_metric_history(run_id, "a"))
    assert len(told) == 22
    assert stored(path) == Exported()
    plain = SqlAlchemyStore(f"sqlite:///{path}", "mlflow-artifacts:/")
    assert as_tuples(plain.get_metric_history(run_id, "a")) == told
    plain.engine.dispose()


def test_each_batch_is_whole(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopping between batches leaves every point in a block or a row; resuming finishes."""
    monkeypatch.setattr("headwater.storage.metrics.export._POINTS_A_BATCH", 10)
    run_ids = filled(store)
    before = answers(store, run_ids)

    def stop(total: Exported) -> None:
        if total.points > 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(path_of(store), keep=False, progress=stop)
    left = stored(path_of(store))
    assert 0 < left.points < 46
    assert answers(store, run_ids) == before
    rest = export(path_of(store), keep=False, progress=lambda _: None)
    assert rest == left
    assert answers_of_plain_mlflow(path_of(store), run_ids) == before


def test_corrupt_block_stops_the_export(store: Any) -> None:
    filled(store)
    path = path_of(store)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE headwater_metric_blocks SET payload = x'00' WHERE block_id = 5")
    with pytest.raises(CorruptBlockError, match=r"run [0-9a-f]{32}"):
        export(path, keep=False, progress=lambda _: None)
    assert stored(path).blocks == 10
    assert rows(path, "SELECT count(*) FROM metrics") == [(2,)]


@pytest.mark.slow
def test_kill_loses_and_doubles_nothing(store: Any) -> None:
    run_id = uuid.uuid4().hex
    path = path_of(store)
    insert_run(path, run_id)
    for start in range(0, 100_000, 1000):
        batch = [Metric("a", float(i), i, i) for i in range(start, start + 1000)]
        store.log_batch(run_id, batch, [], [])
    before = as_tuples(store.get_metric_history(run_id, "a"))
    command = [str(Path(sys.executable).with_name("headwater")), "export-metrics", "--json"]
    command += ["--backend-store-uri", f"sqlite:///{path}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while rows(path, "SELECT count(*) FROM metrics") == [(0,)] and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert as_tuples(store.get_metric_history(run_id, "a")) == before
    moved = rows(path, "SELECT count(*) FROM metrics")[0][0]
    assert moved + stored(path).points == 100_000
    result = subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert json.loads(result.stdout)["points"] == 100_000 - moved
    plain = SqlAlchemyStore(f"sqlite:///{path}", "mlflow-artifacts:/")
    assert as_tuples(plain.get_metric_history(run_id, "a")) == before
    plain.engine.dispose()
