"""A run's points that are rows of MLflow's ``metrics`` table, a bounded slice at a time."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.entities.metric import Float64s, Int64s, Points
from headwater.storage.metadata.base import Connection, Row

# Without an order: the index on the run leads to its rows as they were logged, which share pages.
_SELECT = """
SELECT key, timestamp, step, value, is_nan FROM metrics WHERE run_uuid = ? LIMIT ?
"""

_DELETE = """
DELETE FROM metrics
WHERE run_uuid = ? AND key = ? AND timestamp = ? AND step = ? AND value = ? AND is_nan = ?
"""

_EXISTS = """
SELECT 1 FROM metrics
WHERE run_uuid = ? AND key = ? AND timestamp = ? AND step = ? AND value = ? AND is_nan = ?
"""

# Rows without a run, which MLflow cannot show either, are nobody's.
_NEXT_RUN = """
SELECT run_uuid FROM runs WHERE run_uuid > ?
  AND EXISTS (SELECT 1 FROM metrics WHERE metrics.run_uuid = runs.run_uuid)
ORDER BY run_uuid LIMIT 1
"""

_COUNT = "SELECT count(*) FROM metrics"

_COUNT_OF_RUN = "SELECT count(*) FROM metrics WHERE run_uuid = ?"

_ROWS_A_FETCH = 8_192
"""Bounds how many rows exist as Python objects at a time."""


@dataclass(frozen=True, eq=False)
class RowSlice:
    """Rows of one run as columns, in the order they were read."""

    keys: tuple[str, ...]
    """The distinct metric keys."""

    key_index: NDArray[np.intp]
    timestamps: Int64s
    steps: Int64s
    values: Float64s
    """As the rows have them: of a NaN, what stands beside the flag."""

    is_nan: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.steps)

    @cached_property
    def points(self) -> Points:
        """The rows as the points that they are."""
        values = np.where(self.is_nan, np.nan, self.values)
        return Points(self.keys, self.key_index, self.steps, self.timestamps, values)

    def without(self, keys: Sequence[str]) -> "RowSlice":
        """Return the rows of the other keys."""
        unwanted = [number for number, key in enumerate(self.keys) if key in keys]
        return self._take(np.flatnonzero(~np.isin(self.key_index, unwanted))) if unwanted else self

    def split(self, size: int) -> tuple["RowSlice", "RowSlice"]:
        """Return the first rows, at most so many, and the others."""
        return self._take(slice(size)), self._take(slice(size, None))

    def highest_steps(self) -> "RowSlice":
        """Return for each key one of its rows with the greatest step."""
        order = np.lexsort((self.steps, self.key_index))
        keys = self.key_index[order]
        return self._take(order[np.flatnonzero(np.append(keys[1:] != keys[:-1], True))])

    def present_keys(self) -> set[str]:
        """Return the keys that have rows."""
        return {self.keys[number] for number in np.unique(self.key_index).tolist()}

    def parameters(self, run_id: str) -> Iterator[Row]:
        """Yield each row's primary key, which is all of the row."""
        keys = [self.keys[number] for number in self.key_index.tolist()]
        columns = (self.timestamps, self.steps, self.values, self.is_nan)
        return zip(
            itertools.repeat(run_id, len(keys)), keys, *(c.tolist() for c in columns), strict=True
        )

    def _take(self, at: NDArray[np.intp] | slice) -> "RowSlice":
        return RowSlice(
            self.keys,
            self.key_index[at],
            self.timestamps[at],
            self.steps[at],
            self.values[at],
            self.is_nan[at],
        )


def read_slice(connection: Connection, run_id: str, limit: int) -> RowSlice:
    """Return at most so many rows of a run."""
    return columns(connection.execute(_SELECT, (run_id, limit)))


def columns(rows: Any) -> RowSlice:
    """Turn an iterable of rows (key, timestamp, step, value, is NaN) into columns."""
    numbers: dict[str, int] = {}
    pieces: list[tuple[NDArray[Any], ...]] = [
        (
            np.empty(0, np.intp),
            np.empty(0, np.int64),
            np.empty(0, np.int64),
            np.empty(0, np.float64),
            np.empty(0, bool),
        )
    ]
    iterator = iter(rows)
    while fetched := list(itertools.islice(iterator, _ROWS_A_FETCH)):
        keys, timestamps, steps, values, is_nan = zip(*fetched, strict=True)
        for key in set(keys) - numbers.keys():
            numbers[key] = len(numbers)
        pieces.append(
            (
                np.array([numbers[key] for key in keys], np.intp),
                np.array(timestamps, np.int64),
                np.array(steps, np.int64),
                np.array(values, np.float64),
                np.array(is_nan, bool),
            )
        )
    return RowSlice(tuple(numbers), *map(np.concatenate, zip(*pieces, strict=True)))


def delete(connection: Connection, run_id: str, rows: RowSlice) -> int:
    """Delete these very rows; return how many of them were there."""
    return connection.executemany(_DELETE, rows.parameters(run_id)).rowcount


def all_exist(connection: Connection, run_id: str, rows: RowSlice) -> bool:
    """Say whether every one of the rows is still there."""
    return all(
        connection.execute(_EXISTS, parameters).fetchone() is not None
        for parameters in rows.parameters(run_id)
    )


def next_run(connection: Connection, after: str) -> str | None:
    """Return the first run with an id above `after` that has rows, or None."""
    row = connection.execute(_NEXT_RUN, (after,)).fetchone()
    return None if row is None else str(row[0])


def count(connection: Connection, run_id: str | None = None) -> int:
    """Count the rows of a run, or of the whole table, reading an index to its end."""
    if run_id is None:
        return int(connection.execute(_COUNT).fetchone()[0])
    return int(connection.execute(_COUNT_OF_RUN, (run_id,)).fetchone()[0])
