"""Gathers the points of a spool's records into columns, by run."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from headwater.entities.metric import Points, storable
from headwater.errors import CorruptSpoolError
from headwater.wire import metric_block
from headwater.wire.spool import RECORD_HEAD, ROW, ROW_START, Shape

_FIRST_WINDOW = 64
_MOST_KEYS = 50_000
"""Keys of one batch; a metric block takes 65,535."""

_Columns = tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]
"""Key index, steps, timestamps, values."""


@dataclass
class _Batch:
    """Points of one run."""

    run_id: str
    keys: dict[str, int] = field(default_factory=dict)
    columns: list[_Columns] = field(default_factory=list)

    def positions(self, keys: tuple[str, ...]) -> NDArray[np.intp]:
        """Return where the keys are among those of the batch, which takes them in."""
        return np.array([self.keys.setdefault(key, len(self.keys)) for key in keys], np.intp)

    def close(self) -> tuple[str, Points]:
        """Return all that was gathered."""
        index, steps, timestamps, values = (
            column[0] if len(column) == 1 else np.concatenate(column)
            for column in zip(*self.columns, strict=True)
        )
        return self.run_id, Points(tuple(self.keys), index, steps, timestamps, storable(values))


class Gathered:
    """Points in the order in which they were logged, by run."""

    def __init__(self) -> None:
        self.points = 0
        self._open: dict[str, _Batch] = {}
        self._batches: list[_Batch] = []

    def batches(self) -> list[tuple[str, Points]]:
        """Return (run id, its points); a run has several where it has very many keys."""
        return [batch.close() for batch in self._batches]

    def take_block(self, run_id: str, block: bytes) -> None:
        """Take the points that were logged as arrays."""
        points = metric_block.decode(block)
        if not len(points):
            return
        batch = self._batch(run_id, len(points.keys))
        index = batch.positions(points.keys)[points.key_index]
        batch.columns.append((index, points.steps, points.timestamps, points.values))
        self.points += len(points)

    def take_rows(
        self, content: bytes, at: int, end: int, shapes: Mapping[int, Shape], most: int | None
    ) -> int:
        """Take the rows from `at` on that are as long as the first; return where they end.

        It is at most about `most` points of them, but at least one row.
        """
        (size, _) = RECORD_HEAD.unpack_from(content, at)
        values = (size - ROW_START.size) // 8
        record = np.dtype(
            [
                ("size", "<u4"),
                ("checksum", "<u4"),
                ("kind", "u1"),
                ("shape", "<u4"),
                ("step", "<i8"),
                ("timestamp", "<i8"),
                ("values", "<f8", (values,)),
            ]
        )
        if values < 0 or record.itemsize != RECORD_HEAD.size + size:
            raise CorruptSpoolError(f"a row of the spool has {size} bytes")
        available = (end - at) // record.itemsize
        if most is not None:
            available = min(available, max(1, most // max(1, values)))
        window = _FIRST_WINDOW
        while available:
            count = min(window, available)
            rows = np.frombuffer(content, record, count, at)
            alike = (rows["size"] == size) & (rows["kind"] == ROW)
            if not alike.all():
                rows = rows[: int(alike.argmin())]
            self._take(rows, values, shapes)
            at += len(rows) * record.itemsize
            if len(rows) < count:
                break
            available -= count
            window *= 4
        return at

    def _take(self, rows: NDArray[np.void], values: int, shapes: Mapping[int, Shape]) -> None:
        if not len(rows) or not values:
            return
        self.points += len(rows) * values
        numbers = rows["shape"]
        first = int(numbers[0])
        if (numbers == first).all():
            shape = _shape(shapes, first)
            batch = self._batch(shape.run_id, values)
            index = np.tile(batch.positions(shape.keys), len(rows))
            batch.columns.append(_columns(rows, index, values))
            return
        found, inverse = np.unique(numbers, return_inverse=True)
        known = [_shape(shapes, int(number)) for number in found]
        for run_id in dict.fromkeys(shape.run_id for shape in known):
            batch = self._batch(run_id, sum(len(s.keys) for s in known if s.run_id == run_id))
            table = np.zeros((len(known), values), np.intp)
            is_of_run = np.zeros(len(known), bool)
            for position, shape in enumerate(known):
                if shape.run_id == run_id:
                    table[position] = batch.positions(shape.keys)
                    is_of_run[position] = True
            chosen = is_of_run[inverse]
            index = table[inverse[chosen]].ravel()
            batch.columns.append(_columns(rows[chosen], index, values))

    def _batch(self, run_id: str, more_keys: int) -> _Batch:
        batch = self._open.get(run_id)
        if batch is None or len(batch.keys) + more_keys > _MOST_KEYS:
            batch = self._open[run_id] = _Batch(run_id)
            self._batches.append(batch)
        return batch


def _columns(rows: NDArray[np.void], index: NDArray[np.intp], values: int) -> _Columns:
    steps, timestamps = rows["step"], rows["timestamp"]
    if values > 1:
        steps, timestamps = np.repeat(steps, values), np.repeat(timestamps, values)
    return index, steps.astype(np.int64), timestamps.astype(np.int64), rows["values"].ravel()


def _shape(shapes: Mapping[int, Shape], number: int) -> Shape:
    try:
        return shapes[number]
    except KeyError as error:
        raise CorruptSpoolError(f"the spool lacks the shape {number} of its rows") from error
