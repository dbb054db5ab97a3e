"""The server's compactor: its process comes with the work, survives trouble, and goes."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from headwater.entities.metric import Points
from headwater.mlflow_release import installed_release
from headwater.server import compactor
from headwater.server.compactor import compact_in_background
from headwater.storage.metadata.prepare import create
from headwater.storage.metadata.sqlite import SqliteDatabase
from headwater.storage.metrics.activity import Activity
from headwater.storage.metrics.compact import Waiting, waiting
from headwater.storage.metrics.sqlite import SqliteMetricEngine

RUN_ID = "a" * 32
SECONDS = 60


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compactor, "_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(compactor, "_AFTER_FAILURE_SECONDS", 0.02)
    monkeypatch.setattr(compactor, "_KEEP_SECONDS", 0.2)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    path = tmp_path / "mlflow.db"
    create(path, installed_release(), "mlflow-artifacts:/")
    database = SqliteDatabase(path)
    await database.write(
        lambda c: c.execute(
            "INSERT INTO runs (run_uuid, experiment_id, status, lifecycle_stage)"
            " VALUES (?, 0, 'RUNNING', 'active')",
            (RUN_ID,),
        )
    )
    yield database
    database.close()


@contextlib.asynccontextmanager
async def compacting(database: SqliteDatabase, activity: Activity) -> AsyncIterator[None]:
    task = asyncio.create_task(compact_in_background(database.path, database, activity))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert workers() == []


async def log(database: SqliteDatabase, engine: SqliteMetricEngine, blocks: int) -> None:
    for step in range(blocks):
        one = np.array([step])
        points = Points(("loss",), np.zeros(1, np.intp), one, one, one / 7)
        await database.write(lambda c, points=points: engine.append(c, RUN_ID, points))  # type: ignore[misc]


def workers() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE
        and "headwater.server.compaction_process" in child.cmdline()
    ]


async def until(condition: object) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.02)


async def test_a_run_that_ended_is_compacted_and_the_process_goes(
    database: SqliteDatabase,
) -> None:
    activity = Activity()
    engine = SqliteMetricEngine(activity)
    async with compacting(database, activity):
        await log(database, engine, 40)
        engine.run_ended(RUN_ID)
        await until(lambda: database.read_now(waiting) == [])
        await until(lambda: workers() == [])
    history = database.read_now(lambda c: engine.history(c, RUN_ID, "loss"))
    assert history is not None
    assert history.steps.tolist() == list(range(40))


async def test_what_an_earlier_server_left_is_compacted(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log(database, SqliteMetricEngine(), 40)
    monkeypatch.setattr(compactor, "_FIRST_LOOK_SECONDS", 0.0)
    monkeypatch.setattr("headwater.storage.metrics.activity._IDLE_SECONDS", 0.1)
    async with compacting(database, Activity()):
        await until(lambda: database.read_now(waiting) == [])


async def test_work_goes_on_after_the_process_was_killed(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(compactor, "_KEEP_SECONDS", 1_000)
    activity = Activity()
    engine = SqliteMetricEngine(activity)
    async with compacting(database, activity):
        await log(database, engine, 40)
        engine.run_ended(RUN_ID)
        await until(lambda: database.read_now(waiting) == [])
        (worker,) = workers()
        worker.kill()
        worker.wait()
        await log(database, engine, 40)
        engine.run_ended(RUN_ID)
        await until(lambda: database.read_now(waiting) == [])
    assert "was put off: its process died" in caplog.text


async def test_a_damaged_block_is_told_once(
    database: SqliteDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    activity = Activity()
    engine = SqliteMetricEngine(activity)
    await log(database, engine, 40)
    await database.write(
        lambda c: c.execute("UPDATE headwater_metric_blocks SET payload = x'00' WHERE block_id = 3")
    )
    engine.run_ended(RUN_ID)
    with caplog.at_level(logging.WARNING):
        async with compacting(database, activity):
            await until(lambda: database.read_now(waiting) == [Waiting(RUN_ID, 1, 1)])
            await until(lambda: "1 metric blocks" in caplog.text)
            await asyncio.sleep(0.3)
    assert caplog.text.count("1 metric blocks") == 1


async def test_who_is_cancelled_while_the_process_ends_waits_for_its_end(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending = asyncio.Event()
    wait = asyncio.subprocess.Process.wait

    async def wait_slowly(process: asyncio.subprocess.Process) -> int:
        ending.set()
        await asyncio.sleep(0.1)
        return await wait(process)

    monkeypatch.setattr(asyncio.subprocess.Process, "wait", wait_slowly)
    activity = Activity()
    engine = SqliteMetricEngine(activity)
    await log(database, engine, 40)
    engine.run_ended(RUN_ID)
    starting = asyncio.create_subprocess_exec
    started: list[asyncio.subprocess.Process] = []

    async def start(*arguments: Any, **options: Any) -> asyncio.subprocess.Process:
        started.append(await starting(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    async with compacting(database, activity):
        await ending.wait()
    assert [process.returncode is not None for process in started] == [True]
