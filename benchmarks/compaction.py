"""How fast points are compacted, and what they take on disk afterwards."""

import asyncio
import shutil
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import numpy as np

from benchmarks.client import Connection
from benchmarks.contenders import Contender
from benchmarks.points import FIRST_TIMESTAMP
from benchmarks.read_back import create_run, require_equal
from benchmarks.servers import Server
from benchmarks.storage import SqliteDatabase as SqliteFile
from benchmarks.summary import Figure
from headwater.entities.metric import Float64s, Points
from headwater.storage.metadata.base import Connection as Transaction
from headwater.storage.metadata.sqlite import SqliteDatabase
from headwater.storage.metrics.compact import compact_run
from headwater.storage.metrics.sqlite import SqliteMetricEngine

_BATCH = 1000
_MANY = 1000

ONE_KEY = (
    Figure("compaction", "compaction of 1 metric", "points/s", "higher"),
    Figure("compaction", "disk per point compacted, float64", "B", "lower", bound=8),
)
FLOAT32 = (
    Figure("compaction", "compaction of 1 metric, born as float32", "points/s", "higher"),
    Figure("compaction", "disk per point compacted, born as float32", "B", "lower", bound=4),
)
MANY_KEYS = (
    Figure("compaction", "compaction of 1,000 metrics", "points/s", "higher"),
    Figure("compaction", "disk per point compacted, 1,000 metrics", "B", "lower"),
)


def measure_compaction(
    contender: Contender, directory: Path, template: str, points: int
) -> Mapping[tuple[Figure, ...], tuple[float, float]]:
    """Return points per second and bytes per point, all tables and indexes counted.

    Steps are regular; timestamps jitter by a few milliseconds, as those of a training loop do.
    """
    with (
        Server(contender, directory / "compaction", template) as server,
        Connection(server.address) as connection,
    ):
        run_id = create_run(connection)
    database = server.database
    assert isinstance(database, SqliteFile)
    found: dict[tuple[Figure, ...], tuple[float, float]] = {}
    for figures, keys, dtype in (
        (ONE_KEY, 1, np.float64),
        (FLOAT32, 1, np.float32),
        (MANY_KEYS, _MANY, np.float64),
    ):
        path = database.path.with_name("copy.db")
        shutil.copyfile(database.keep("compaction"), path)
        before = _vacuumed_size(path)
        values = _values(points).astype(dtype).astype(np.float64)
        seconds = asyncio.run(_compact(path, run_id, keys, values))
        found[figures] = (points / seconds, (_vacuumed_size(path) - before) / points)
        path.unlink()
    return found


async def _compact(path: Path, run_id: str, keys: int, values: Float64s) -> float:
    """Log all points in blocks of 1000, compact them, check the count; return the seconds."""
    database, engine = SqliteDatabase(path), SqliteMetricEngine()
    names = tuple(f"metric_{number}" for number in range(keys))
    timestamps = _timestamps(len(values) // keys)

    def log(transaction: Transaction) -> None:
        for start in range(0, len(values), _BATCH):
            at = np.arange(start, min(start + _BATCH, len(values)))
            steps = at // keys
            points = Points(names, at % keys, steps, timestamps[steps], values[at])
            engine.append(transaction, run_id, points)

    try:
        await database.write(log, long=True)
        started = time.perf_counter()
        result = await compact_run(database, run_id)
        seconds = time.perf_counter() - started
        require_equal(len(values), result.points, "compacted points")
        history = await database.read(
            lambda transaction: engine.histories(transaction, [run_id], names[0])[run_id]
        )
        require_equal(values[::keys].tobytes(), history.values.tobytes(), "compacted values")
    finally:
        database.close()
    return seconds


def _values(points: int) -> Float64s:
    """Return a falling, noisy curve; every bit of a float64's fraction is used."""
    trend = 1.0 / (1.0 + np.arange(points) * 1e-3)
    return trend + np.random.default_rng(1).normal(0.0, 0.01, points)


def _timestamps(steps: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    waits = np.random.default_rng(2).normal(50.0, 3.0, steps).clip(1).astype(np.int64)
    return FIRST_TIMESTAMP + np.cumsum(waits)


def _vacuumed_size(path: Path) -> int:
    with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size
