"""Moves points from blocks and chunks into MLflow's own ``metrics`` table.

Plain MLflow reads them there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from headwater.entities.metric import Series, ordering_values
from headwater.errors import CorruptBlockError
from headwater.storage.metadata.base import Connection, Database
from headwater.storage.metrics import chunk
from headwater.wire import metric_block

_COUNT = """
SELECT sum(pieces), sum(points) FROM (
  SELECT count(*) AS pieces, coalesce(sum(points), 0) AS points FROM headwater_metric_blocks
  UNION ALL
  SELECT count(*), coalesce(sum(points), 0) FROM headwater_metric_chunks
) AS stored
"""

_BLOCKS_AFTER = """
SELECT block_id, run_uuid, points, payload FROM headwater_metric_blocks
WHERE block_id > ? ORDER BY block_id LIMIT 1000
"""

_INSERT_ROW = """
INSERT INTO metrics (run_uuid, key, step, timestamp, value, is_nan) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (key, timestamp, step, run_uuid, value, is_nan) DO NOTHING
"""

_DELETE_BLOCK = "DELETE FROM headwater_metric_blocks WHERE block_id = ?"

_NEXT_CHUNK = """
SELECT s.series_id, s.revision, c.chunk_id, s.run_uuid, s.key, c.points, c.payload
FROM headwater_metric_chunks c JOIN headwater_metric_series s USING (series_id)
WHERE (c.series_id, c.chunk_id) > (?, ?) ORDER BY c.series_id, c.chunk_id LIMIT 1
"""

# Not where a compaction has changed the series since its first chunk was exported.
_DELETE_SERIES = "DELETE FROM headwater_metric_series WHERE series_id = ? AND revision = ?"

_POINTS_A_BATCH = 20_000
"""Bounds memory, and how long other writers wait for one batch: a few tenths of a second, or a
second for a chunk."""


@dataclass(frozen=True)
class Exported:
    """How many blocks and chunks, and points in them, there are or were written."""

    blocks: int = 0
    points: int = 0

    def plus(self, other: "Exported") -> "Exported":
        """Return the sum."""
        return Exported(self.blocks + other.blocks, self.points + other.points)


def stored(connection: Connection) -> Exported:
    """Count what the blocks and chunks of a database hold."""
    return Exported(*map(int, connection.execute(_COUNT).fetchone()))


async def export(
    database: Database, *, keep: bool, progress: Callable[[Exported], None]
) -> Exported:
    """Write every point as a row of MLflow's table; take blocks and chunks away unless `keep`.

    Each batch is one transaction: whenever this is stopped, every point is in a block or chunk, in
    a row, or in both, and running it again finishes the work. Rows that exist are left alone.
    `progress` is called with the running total after each batch.

    Raises:
        CorruptBlockError: a block or chunk cannot be read; it and those after it stay as they are.
        DatabaseError: the database refused a batch; the ones before it are done.
    """
    total, after, position = Exported(), 0, _Position()
    while True:
        last, batch = await database.write(
            lambda connection, after=after: _export_batch(connection, after, keep=keep),  # type: ignore[misc]
            long=True,
        )
        if last is None:
            break
        # Without `keep` what is left starts at the beginning; ids may have been given anew.
        after, total = last if keep else 0, total.plus(batch)
        progress(total)
    while True:
        following, batch = await database.write(
            lambda connection, position=position: _export_chunk(connection, position, keep=keep),  # type: ignore[misc]
            long=True,
        )
        if following is None:
            break
        position, total = following, total.plus(batch)
        progress(total)
    return total


def _export_batch(connection: Connection, after: int, *, keep: bool) -> tuple[int | None, Exported]:
    """Export the next blocks; return the last one's id, or None when there is none left."""
    last, batch = None, Exported()
    done: list[int] = []
    for block_id, run_id, points, payload in connection.execute(_BLOCKS_AFTER, (after,)):
        if batch.points and batch.points + points > _POINTS_A_BATCH:
            break
        connection.executemany(_INSERT_ROW, _rows_of_block(run_id, payload))
        last, batch = block_id, batch.plus(Exported(1, points))
        done.append(block_id)
    if not keep:
        connection.executemany(_DELETE_BLOCK, [(block_id,) for block_id in done])
    return last, batch


@dataclass(frozen=True)
class _Position:
    """The last chunk that was exported; ids begin at 1."""

    series_id: int = 0
    revision: int = 0
    chunk_id: int = 0


def _export_chunk(
    connection: Connection, position: _Position, *, keep: bool
) -> tuple[_Position | None, Exported]:
    """Export the next chunk; return its position, or None when there is none left.

    A series goes once all of its chunks are exported, and begins anew where it changed meanwhile.
    """
    parameters = (position.series_id, position.chunk_id)
    row = connection.execute(_NEXT_CHUNK, parameters).fetchone()
    if position.series_id and not keep and (row is None or row[0] != position.series_id):
        done = connection.execute(_DELETE_SERIES, (position.series_id, position.revision))
        if done.rowcount == 0:
            return _Position(position.series_id), Exported()
    if row is None:
        return None, Exported()
    series_id, revision, chunk_id, run_id, key, points, payload = row
    connection.executemany(_INSERT_ROW, _rows_of_chunk(run_id, key, payload))
    if series_id == position.series_id and position.chunk_id:
        revision = position.revision
    return _Position(series_id, revision, chunk_id), Exported(1, points)


def _rows_of_block(run_id: str, payload: bytes) -> Iterator[tuple[Any, ...]]:
    try:
        points = metric_block.decode(payload)
    except CorruptBlockError as error:
        raise CorruptBlockError(f"{error}; run {run_id}") from error
    series = Series(points.steps, points.timestamps, points.values)
    for key, row in zip(points.key_index.tolist(), _rows(series), strict=True):
        yield run_id, points.keys[key], *row


def _rows_of_chunk(run_id: str, key: str, payload: bytes) -> Iterator[tuple[Any, ...]]:
    try:
        series = chunk.decode(payload)
    except CorruptBlockError as error:
        raise CorruptBlockError(f"{error}; run {run_id}, metric {key!r}") from error
    for row in _rows(series):
        yield run_id, key, *row


def _rows(series: Series) -> Iterator[tuple[int, int, float, bool]]:
    """Yield (step, timestamp, value, is NaN) as MLflow stores them."""
    return zip(
        series.steps.tolist(),
        series.timestamps.tolist(),
        ordering_values(series.values).tolist(),
        np.isnan(series.values).tolist(),
        strict=True,
    )
