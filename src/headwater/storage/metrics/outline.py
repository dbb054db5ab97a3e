"""Reads what a chart needs of a series: the rows of its chunks, envelopes, and chunks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from headwater.entities.drawing import Cut, Drawing
from headwater.entities.metric import Int64s, Series
from headwater.errors import CorruptBlockError
from headwater.storage.metadata.base import Connection
from headwater.storage.metrics import chunk, drawing, envelope
from headwater.storage.metrics.drawing import Chunks
from headwater.storage.metrics.envelope import Pieces
from headwater.storage.metrics.merge import merged

_SELECT_CHUNKS = """
SELECT chunk_id, points, first_timestamp, first_step, last_timestamp, last_step,
  lowest_step, highest_step,
  minimum_value, minimum_step, minimum_timestamp, maximum_value, maximum_step, maximum_timestamp
FROM headwater_metric_chunks
WHERE series_id = (SELECT series_id FROM headwater_metric_series WHERE run_uuid = ? AND key = ?)
"""

_ORDER = " ORDER BY last_timestamp, last_step"

_SELECT_CHUNK = "SELECT payload FROM headwater_metric_chunks WHERE chunk_id = ?"

_SELECT_ENVELOPES = "SELECT chunk_id, payload FROM headwater_metric_envelopes WHERE chunk_id IN "
_IDS_A_QUERY = 500

_NOTHING = Series(np.array([], np.int64), np.array([], np.int64), np.array([], np.float64))


def draw(
    connection: Connection, run_id: str, key: str, cut: Cut, loose: Sequence[Series]
) -> Drawing | None:
    """Draw a series from its chunks and the points that are in none; None where there are none.

    Raises:
        CorruptBlockError: a chunk that must be read is damaged.
    """
    chunks = find_chunks(connection, run_id, key, cut)
    if not len(chunks) and not loose:
        return None
    between = merged([_NOTHING, *loose])
    return drawing.draw(chunks, between, cut, ChunkReader(connection, run_id, key))


def find_chunks(connection: Connection, run_id: str, key: str, cut: Cut) -> Chunks:
    """Return the chunks of a series that may have points in the range."""
    first, last = (
        ("first_timestamp", "last_timestamp")
        if cut.axis == "time"
        else ("lowest_step", "highest_step")
    )
    statement, parameters = _SELECT_CHUNKS, [run_id, key]
    bounds: list[int] = []
    if cut.start is not None:
        statement += f" AND {last} >= ?"
        bounds.append(cut.start)
    if cut.end is not None:
        statement += f" AND {first} <= ?"
        bounds.append(cut.end)
    rows = connection.execute(statement + _ORDER, (*parameters, *bounds)).fetchall()
    return _chunks(rows)


def _chunks(rows: Sequence[Sequence[Any]]) -> Chunks:
    ids, points, *bounds = list(zip(*rows, strict=True)) or [()] * 14
    first_times, first_steps, last_times, last_steps, lowest, highest = map(_integers, bounds[:6])
    # Where every value is a NaN the row has no extremes, and the first point stands for them.
    minima = _extremes(bounds[6:9], first_steps, first_times)
    maxima = _extremes(bounds[9:12], first_steps, first_times)
    pieces = Pieces(_integers(points), lowest, highest, first_times, last_times, minima, maxima)
    return Chunks(_integers(ids), first_steps, last_steps, pieces)


def _integers(column: Sequence[int]) -> Int64s:
    return np.array(column, np.int64)


def _extremes(columns: Sequence[Sequence[Any]], steps: Int64s, timestamps: Int64s) -> Series:
    values = np.array(columns[0], np.float64)  # None becomes NaN
    if (nan := np.isnan(values)).any():
        of_steps = [0 if step is None else step for step in columns[1]]
        of_times = [0 if timestamp is None else timestamp for timestamp in columns[2]]
        return Series(
            np.where(nan, steps, _integers(of_steps)),
            np.where(nan, timestamps, _integers(of_times)),
            values,
        )
    return Series(_integers(columns[1]), _integers(columns[2]), values)


class ChunkReader:
    """Reads chunks and envelopes of one series; see `drawing.Reader`."""

    def __init__(self, connection: Connection, run_id: str, key: str) -> None:
        self._connection = connection
        self._run_id = run_id
        self._key = key

    def chunks(self, ids: Sequence[int]) -> Iterator[Series]:
        """Yield the points of chunks, in the order given.

        Raises:
            CorruptBlockError: the bytes of one are damaged.
        """
        for chunk_id in ids:
            (payload,) = self._connection.execute(_SELECT_CHUNK, (chunk_id,)).fetchone()
            try:
                yield chunk.decode(payload)
            except CorruptBlockError as error:
                raise CorruptBlockError(
                    f"{error}; run {self._run_id}, metric {self._key!r}"
                ) from error

    def envelopes(self, ids: Sequence[int]) -> Mapping[int, Pieces]:
        """Return the envelopes of those chunks that have one.

        A damaged envelope counts as none: the chunk says the same, and `headwater check` tells.
        """
        found = {}
        for start in range(0, len(ids), _IDS_A_QUERY):
            several = ids[start : start + _IDS_A_QUERY]
            statement = f"{_SELECT_ENVELOPES} ({', '.join('?' * len(several))})"
            for chunk_id, payload in self._connection.execute(statement, several):
                try:
                    found[chunk_id] = envelope.decode(payload)
                except CorruptBlockError:
                    continue
        return found
