"""Puts millions of compacted points into a database, straight through Headwater's storage."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.points import FIRST_TIMESTAMP
from headwater.entities.metric import Points, Series
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.sqlite import SqliteDatabase
from headwater.storage.metrics import series
from headwater.storage.metrics.compaction import SeriesPlan, plan_series
from headwater.storage.metrics.latest import UPSERT, latest_points

PREFIX = "stored"
KEYS = 10
"""Metrics of a run: named after the prefix, other than those that MLflow wrote before."""

_KEYS = [f"{PREFIX}_{number}" for number in range(KEYS)]
_LONG = 100_000
_SHORT = 5_000


@dataclass(frozen=True)
class Filled:
    """What a filled database has to read and to write to."""

    points: int
    long_run: str
    """It holds half of all points, in all metrics."""

    long_steps: int
    """Of each metric of that run."""

    keys: Sequence[str]
    read_run: str
    """Its first metric has 100,000 points, in every database."""


@dataclass(frozen=True)
class _Template:
    """A series as it is stored, encoded once for all that equal it."""

    points: Series
    plan: SeriesPlan
    rows: Sequence[series.NewRow]


async def fill(path: Path, points: int) -> Filled:
    """Store about so many points: half in one run, the rest in runs of 50,000.

    Headwater has opened the database before, and it holds as many runs as are needed.
    """
    with closing(sqlite3.connect(path)) as connection:
        runs = [row[0] for row in connection.execute("SELECT run_uuid FROM runs ORDER BY 1")]
    read_run, long_run, *others = runs
    await _fill(path, points, read_run, long_run, others)
    return Filled(points, long_run, _long_steps(points), _KEYS, read_run)


async def _fill(
    path: Path, points: int, read_run: str, long_run: str, others: Sequence[str]
) -> None:
    plan = [(read_run, _LONG, _KEYS[:1]), (long_run, _long_steps(points), _KEYS)]
    short = (points - points // 2) // (_SHORT * len(_KEYS))
    plan += [(run, _SHORT, _KEYS) for run in others[:short]]
    templates = {length: _template(length) for length in {length for _, length, _ in plan}}
    database = SqliteDatabase(path)
    try:
        for some in _chunked(plan, 100):
            await database.write(
                lambda connection, some=some: _store(connection, some, templates),  # type: ignore[misc]
                long=True,
            )
    finally:
        database.close()


def _long_steps(points: int) -> int:
    return points // 2 // len(_KEYS)


def _store(
    connection: Connection,
    runs: Sequence[tuple[str, int, Sequence[str]]],
    templates: dict[int, _Template],
) -> None:
    for run_id, length, keys in runs:
        template = templates[length]
        last = template.points.take(slice(-1, None))
        for key in keys:
            series.store(connection, run_id, key, None, template.plan, template.rows)
            latest = Points((key,), np.zeros(1, np.intp), last.steps, last.timestamps, last.values)
            connection.executemany(UPSERT, ((run_id, *row) for row in latest_points(latest).rows()))


def _template(length: int) -> _Template:
    """Return a noisy series whose values compress well: multiples of 1/1024."""
    noise = np.random.default_rng(length).normal(0.0, 0.01, length)
    steps = np.arange(length, dtype=np.int64)
    values = np.round((1.0 / (1.0 + steps * 1e-3) + noise) * 1024) / 1024 + 0.0
    points = Series(steps, FIRST_TIMESTAMP + 50 * steps, values)
    plan = plan_series([], None, points, _no_chunk)
    return _Template(points, plan, [series.new_row(added) for added in plan.added])


def _no_chunk(chunk_id: int) -> Series:
    raise AssertionError(f"a new series has no chunk {chunk_id}")


def _chunked(
    items: Sequence[tuple[str, int, Sequence[str]]], size: int
) -> Iterator[Sequence[tuple[str, int, Sequence[str]]]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
