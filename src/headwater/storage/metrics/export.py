"""Moves points from blocks into MLflow's own ``metrics`` table, where plain MLflow reads them."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headwater.entities.metric import ordering_values
from headwater.errors import CorruptBlockError
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.sqlite_connection import connect, translated_errors
from headwater.storage.metrics import block

_COUNT = "SELECT count(*), coalesce(sum(points), 0) FROM headwater_metric_blocks"

_BLOCKS_AFTER = """
SELECT block_id, run_uuid, points, payload FROM headwater_metric_blocks
WHERE block_id > ? ORDER BY block_id
"""

_INSERT_ROW = """
INSERT INTO metrics (run_uuid, key, step, timestamp, value, is_nan) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (key, timestamp, step, run_uuid, value, is_nan) DO NOTHING
"""

_DELETE_BLOCK = "DELETE FROM headwater_metric_blocks WHERE block_id = ?"

_POINTS_A_BATCH = 20_000
"""Bounds memory, and how long other writers wait for one batch: a few tenths of a second."""


@dataclass(frozen=True)
class Exported:
    """How many blocks and points there are or were written."""

    blocks: int = 0
    points: int = 0

    def plus(self, other: "Exported") -> "Exported":
        """Return the sum."""
        return Exported(self.blocks + other.blocks, self.points + other.points)


def stored(path: Path) -> Exported:
    """Count what the blocks of a database hold."""
    with translated_errors(), contextlib.closing(connect(path, read_only=True)) as connection:
        blocks, points = connection.execute(_COUNT).fetchone()
        return Exported(blocks, points)


def export(path: Path, *, keep: bool, progress: Callable[[Exported], None]) -> Exported:
    """Write every point as a row of MLflow's table; take the blocks away unless `keep`.

    Each batch is one transaction: whenever this is stopped, every point is in a block, in a row,
    or (with `keep`) in both, and running it again finishes the work. Rows that exist are left
    alone. `progress` is called with the running total after each batch.

    Raises:
        CorruptBlockError: a block cannot be read; it and those after it stay as they are.
        DatabaseError: the database refused a batch; the ones before it are done.
    """
    total, after = Exported(), 0
    with translated_errors(), contextlib.closing(connect(path)) as connection:
        while True:
            connection.execute("BEGIN IMMEDIATE")
            try:
                last, batch = _export_batch(connection, after, keep=keep)
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            if last is None:
                break
            # Without `keep` what is left starts at the beginning; ids may have been given anew.
            after, total = last if keep else 0, total.plus(batch)
            progress(total)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return total


def _export_batch(connection: Connection, after: int, *, keep: bool) -> tuple[int | None, Exported]:
    """Export the next blocks; return the last one's id, or None when there is none left."""
    last, batch = None, Exported()
    done: list[int] = []
    for block_id, run_id, points, payload in connection.execute(_BLOCKS_AFTER, (after,)):
        if batch.points and batch.points + points > _POINTS_A_BATCH:
            break
        connection.executemany(_INSERT_ROW, _rows(run_id, payload))
        last, batch = block_id, batch.plus(Exported(1, points))
        done.append(block_id)
    if not keep:
        connection.executemany(_DELETE_BLOCK, [(block_id,) for block_id in done])
    return last, batch


def _rows(run_id: str, payload: bytes) -> Iterator[tuple[Any, ...]]:
    try:
        points = block.decode(payload)
    except CorruptBlockError as error:
        raise CorruptBlockError(f"{error}; run {run_id}") from error
    nan = np.isnan(points.values)
    columns = (
        points.key_index.tolist(),
        points.steps.tolist(),
        points.timestamps.tolist(),
        ordering_values(points.values).tolist(),
        nan.tolist(),
    )
    for key, step, timestamp, value, is_nan in zip(*columns, strict=True):
        yield run_id, points.keys[key], step, timestamp, value, is_nan
