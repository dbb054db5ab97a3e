"""Moves a run's points from blocks into compressed chunks, a bounded step at a time.

A step reads on a snapshot and is applied in one transaction, which is void where anything that was
read has changed: a crash leaves the old state or the new one, and of several processes that
compact the same run one has its way.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from headwater.entities.metric import Points, Series
from headwater.errors import CorruptBlockError, StaleCompactionError
from headwater.storage.metadata.base import Connection, Database
from headwater.storage.metrics import series
from headwater.storage.metrics.blocks import blocks_after
from headwater.storage.metrics.compaction import SeriesPlan, plan_series
from headwater.storage.metrics.merge import merged
from headwater.wire import metric_block

_POINTS_A_STEP = 262_144
_KEYS_A_STEP = 10_000
"""Bound memory and the time for which other writers wait; a step takes one block at least."""

# Ids are given anew once the highest is deleted; the bytes tell whether it is the same block.
_DELETE_BLOCK = (
    "DELETE FROM headwater_metric_blocks WHERE block_id = ? AND run_uuid = ? AND payload = ?"
)

_SELECT_RUNS = """
SELECT run_uuid, count(*), sum(points) FROM headwater_metric_blocks
GROUP BY run_uuid ORDER BY run_uuid
"""

_ATTEMPTS = 5


@dataclass(frozen=True)
class Waiting:
    """What a run has in blocks."""

    run_id: str
    blocks: int
    points: int


@dataclass(frozen=True)
class Compacted:
    """What compactions took out of blocks, and what they had to leave there."""

    blocks: int = 0
    points: int = 0
    left_blocks: int = 0

    def plus(self, other: "Compacted") -> "Compacted":
        """Return the sum."""
        return Compacted(
            self.blocks + other.blocks,
            self.points + other.points,
            self.left_blocks + other.left_blocks,
        )


@dataclass(frozen=True)
class Change:
    """A series as it was found, and what becomes of it; `series.store` puts it into effect."""

    key: str
    found: series.StoredSeries | None
    plan: SeriesPlan
    chunks: Sequence[series.NewRow]


@dataclass(frozen=True)
class Step:
    """One transaction's worth of a run."""

    run_id: str
    blocks: Sequence[tuple[int, bytes]]
    changes: Sequence[Change]
    result: Compacted
    after: int
    """The last block that was read."""

    more: bool
    """There are blocks after it."""


def waiting(connection: Connection) -> list[Waiting]:
    """Return what every run has in blocks; reads the whole table."""
    return [Waiting(*row) for row in connection.execute(_SELECT_RUNS)]


async def compact_run(database: Database, run_id: str) -> Compacted:
    """Compact all blocks that a run has now.

    Memory: a step's points, and one chunk of a series at a time. Damaged blocks stay where they
    are, as do the points of a series with a damaged chunk that would have to be rewritten.

    Raises:
        DatabaseError: the database refused a step; the ones before it are done.
    """
    total, after, more = Compacted(), 0, True
    while more:
        step = await compact_step(database, run_id, after)
        total, after, more = total.plus(step.result), step.after, step.more
    return total


async def compact_step(database: Database, run_id: str, after: int) -> Step:
    """Compact the next blocks of a run, those with an id above `after`.

    Raises:
        DatabaseError: the database refused it.
    """
    for _ in range(_ATTEMPTS):
        step = await database.read(lambda connection: _plan(connection, run_id, after))
        if not step.blocks:
            return step
        try:
            await database.write(lambda connection, step=step: _apply(connection, step), long=True)  # type: ignore[misc]
        except StaleCompactionError:
            continue
        return step
    return Step(run_id, (), (), Compacted(), after, more=False)  # others are at it


def _plan(connection: Connection, run_id: str, after: int) -> Step:
    blocks: list[tuple[int, bytes]] = []
    decoded: list[Points] = []
    keys: set[str] = set()
    points = damaged = 0
    last, more = after, False
    for block_id, payload in blocks_after(connection, run_id, after):
        if points >= _POINTS_A_STEP or len(keys) >= _KEYS_A_STEP:
            more = True
            break
        last = block_id
        try:
            decoded.append(metric_block.decode(payload))
        except CorruptBlockError:
            damaged += 1
            continue
        blocks.append((block_id, payload))
        points += len(decoded[-1])
        keys.update(decoded[-1].keys)
    try:
        every = (change_of(connection, run_id, key, new) for key, new in by_key(decoded))
        changes = [change for change in every if change.chunks]  # else the series had all of it
    except CorruptBlockError:
        return Step(run_id, (), (), Compacted(left_blocks=damaged + len(blocks)), last, more)
    return Step(run_id, blocks, changes, Compacted(len(blocks), points, damaged), last, more)


def by_key(blocks: Sequence[Points]) -> Iterator[tuple[str, Series]]:
    """Sort the points of several blocks into series."""
    if not blocks:
        return
    numbers: dict[str, int] = {}
    for points in blocks:
        for key in points.keys:
            numbers.setdefault(key, len(numbers))
    of_point = np.concatenate(
        [np.array([numbers[key] for key in p.keys], np.intp)[p.key_index] for p in blocks]
    )
    order = np.argsort(of_point, kind="stable")
    whole = Series(
        np.concatenate([points.steps for points in blocks])[order],
        np.concatenate([points.timestamps for points in blocks])[order],
        np.concatenate([points.values for points in blocks])[order],
    )
    bounds = np.searchsorted(of_point[order], np.arange(len(numbers) + 1)).tolist()
    for key, (start, end) in zip(numbers, itertools.pairwise(bounds), strict=True):
        if start < end:
            yield key, merged([whole.take(slice(start, end))])


def change_of(connection: Connection, run_id: str, key: str, new: Series) -> Change:
    """Plan how new points, sorted and free of duplicates, are added to the chunks of a series.

    The change has no chunks where the series has every one of the points.

    Raises:
        CorruptBlockError: a chunk that must be looked into cannot be read.
    """
    found = series.find(connection, run_id, key)
    chunks = [] if found is None else series.chunks_around(connection, found.series_id, new)
    plan = plan_series(
        chunks,
        None if found is None else found.summary,
        new,
        lambda chunk_id: series.load_chunk(connection, chunk_id),
    )
    return Change(key, found, plan, [series.new_row(added) for added in plan.added])


def _apply(connection: Connection, step: Step) -> None:
    """Put a step into effect, or raise: the caller's transaction then leaves nothing behind."""
    for block_id, payload in step.blocks:
        parameters = (block_id, step.run_id, payload)
        if connection.execute(_DELETE_BLOCK, parameters).rowcount != 1:
            raise StaleCompactionError("another process compacted the run")
    for change in step.changes:
        series.store(connection, step.run_id, change.key, change.found, change.plan, change.chunks)
