"""What a loss of power leaves of the write-ahead log: a prefix of what was acknowledged, whole.

The disk may have any part of what was written after the last sync. With every commit synced that
part is behind the last acknowledged write; here it is cut off, or torn, anywhere.
"""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.mlflow_plugin.conftest import insert_run

from headwater.entities.metric import Points
from headwater.mlflow_release import installed_release
from headwater.storage.metadata.prepare import create
from headwater.storage.metadata.sqlite import SqliteDatabase
from headwater.storage.metrics import compaction
from headwater.storage.metrics.check import check_run
from headwater.storage.metrics.compact import compact_run
from headwater.storage.metrics.sqlite import SqliteMetricEngine

pytestmark = pytest.mark.slow

RUN = "a" * 32
WRITES = 60
POINTS = 20
WAL = "mlflow.db-wal"


@dataclass(frozen=True)
class Recorded:
    """A database and its log as they were after the last write, and how long the log was when."""

    directory: Path
    acknowledged: list[int]
    """Bytes of the log when each write was acknowledged."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    live = tmp_path_factory.mktemp("live")
    create(live / "mlflow.db", installed_release(), "mlflow-artifacts:/")
    insert_run(live / "mlflow.db", RUN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compaction, "LARGEST_CHUNK", 64)
        return asyncio.run(record(live, tmp_path_factory.mktemp("copy")))


async def record(live: Path, copy: Path) -> Recorded:
    database, engine = SqliteDatabase(live / "mlflow.db"), SqliteMetricEngine()
    acknowledged = []
    for number in range(WRITES):
        steps = np.arange(number * POINTS, (number + 1) * POINTS)
        points = Points(("loss",), np.zeros(POINTS, np.intp), steps, 1000 + steps, steps / 7)
        await database.write(lambda c, points=points: engine.append(c, RUN, points))  # type: ignore[misc]
        acknowledged.append((live / WAL).stat().st_size)
        if number % 7 == 6:
            await compact_run(database, RUN)
    for file in live.glob("mlflow.db*"):
        shutil.copy(file, copy)
    database.close()
    return Recorded(copy, acknowledged)


async def recovered(path: Path) -> int:
    """Return how many writes a database holds, all of them whole and in order."""
    database, engine = SqliteDatabase(path), SqliteMetricEngine()
    history = await database.read(lambda c: engine.history(c, RUN, "loss"))
    problems = await database.read(lambda c: list(check_run(c, RUN)))
    database.close()
    assert problems == []
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    if history is None:
        return 0
    np.testing.assert_array_equal(history.steps, np.arange(len(history)))
    np.testing.assert_array_equal(history.values, history.steps / 7)
    assert len(history) % POINTS == 0
    return len(history) // POINTS


@given(part=st.floats(0, 1), torn=st.binary(max_size=600))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_prefix_survives(
    recorded: Recorded, tmp_path_factory: pytest.TempPathFactory, part: float, torn: bytes
) -> None:
    directory = tmp_path_factory.mktemp("after")
    for file in recorded.directory.iterdir():
        if not file.name.endswith("-shm"):  # memory, which is gone
            shutil.copy(file, directory)
    log = directory / WAL
    whole = log.read_bytes()
    synced = round(part * len(whole))
    log.write_bytes(whole[:synced] + torn[: len(whole) - synced])
    writes = asyncio.run(recovered(directory / "mlflow.db"))
    assert writes >= sum(end <= synced for end in recorded.acknowledged)
    shutil.rmtree(directory)


def test_nothing_is_lost_where_the_log_is_whole(recorded: Recorded, tmp_path: Path) -> None:
    for file in recorded.directory.iterdir():
        shutil.copy(file, tmp_path)
    assert asyncio.run(recovered(tmp_path / "mlflow.db")) == WRITES
