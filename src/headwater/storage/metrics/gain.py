"""What chunks would make of rows: measured on a sample, nothing written."""

import time
from dataclasses import dataclass

from headwater.storage.metadata.base import Connection
from headwater.storage.metrics import chunk
from headwater.storage.metrics.compact import by_key
from headwater.storage.metrics.mlflow_rows import columns, read_slice

_LARGEST_RUNS = """
SELECT run_uuid, count(*) FROM metrics GROUP BY run_uuid ORDER BY 2 DESC, 1 LIMIT ?
"""

_LONGEST_METRIC = """
SELECT key, count(*) FROM metrics WHERE run_uuid = ? GROUP BY key ORDER BY 2 DESC, 1 LIMIT 1
"""

_SELECT_METRIC = """
SELECT key, timestamp, step, value, is_nan FROM metrics WHERE run_uuid = ? AND key = ? LIMIT ?
"""

_SAMPLED_RUNS = 5
_SAMPLED_ROWS = 20_000
_TIMED_ROWS = 65_536
_ROW_BYTES = 250
"""Of a row with its indexes, where the size of the table cannot be told."""

_SERIES_BYTES = 330
"""Of the rows that describe a series and its first chunk, with their indexes."""


@dataclass(frozen=True)
class LongestMetric:
    """The longest metric of the largest run, and what reading it takes."""

    run_id: str
    key: str
    rows: int
    seconds_as_rows: float
    seconds_as_chunks: float


@dataclass(frozen=True)
class Gain:
    """Of rows."""

    rows: int
    bytes: int
    """What the rows and their indexes take."""

    bytes_as_chunks: int
    """Estimated from samples of the largest runs."""

    largest_runs: list[tuple[str, int]]
    """(id, rows)."""

    longest: LongestMetric | None


def gain(connection: Connection, rows: int, table_bytes: int | None) -> Gain:
    """Estimate what moving so many rows, all there are, into chunks would change."""
    if rows == 0:
        return Gain(0, table_bytes or 0, 0, [], None)
    largest = [tuple(row) for row in connection.execute(_LARGEST_RUNS, (_SAMPLED_RUNS,))]
    points = packed = 0
    for run_id, _ in largest:
        for _, series in by_key([read_slice(connection, run_id, _SAMPLED_ROWS).points]):
            points += len(series)
            packed += len(chunk.encode(series)) + _SERIES_BYTES
    return Gain(
        rows,
        rows * _ROW_BYTES if table_bytes is None else table_bytes,
        rows * packed // points,
        largest,
        _longest(connection, largest[0][0]),
    )


def _longest(connection: Connection, run_id: str) -> LongestMetric:
    key, rows = connection.execute(_LONGEST_METRIC, (run_id,)).fetchone()
    started = time.perf_counter()
    sample = columns(connection.execute(_SELECT_METRIC, (run_id, key, _TIMED_ROWS)))
    ((_, series),) = by_key([sample.points])
    read = time.perf_counter()
    payload = chunk.encode(series)
    encoded = time.perf_counter()
    chunk.decode(payload)
    decoded = time.perf_counter()
    share = rows / len(sample)
    return LongestMetric(run_id, key, rows, (read - started) * share, (decoded - encoded) * share)
