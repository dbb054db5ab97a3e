"""The last of what the processes of runs have printed: a stream of bytes each rank.

The stream is kept in rows that are filled one after another; a place in it is the number of bytes
before it, of those that are no longer kept too.
"""

from dataclasses import dataclass

import zstandard

from headwater.storage.metadata.base import Connection

KEPT_BYTES = 1024 * 1024
"""Of a rank's stream, at least."""

_ROW_BYTES = 32 * 1024
_LEVEL = 1

_LAST = """
SELECT start, size, content FROM headwater_run_output WHERE run_uuid = ? AND rank = ?
ORDER BY start DESC LIMIT 1
"""
_PUT = """
INSERT INTO headwater_run_output (run_uuid, rank, start, size, content) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (run_uuid, rank, start) DO UPDATE SET size = excluded.size, content = excluded.content
"""
_FORGET = "DELETE FROM headwater_run_output WHERE run_uuid = ? AND rank = ? AND start + size <= ?"
_BOUNDS = """
SELECT MIN(start), MAX(start + size) FROM headwater_run_output WHERE run_uuid = ? AND rank = ?
"""
_FROM = """
SELECT start, content FROM headwater_run_output
WHERE run_uuid = ? AND rank = ? AND start + size > ? AND start < ? ORDER BY start
"""
_RANKS = "SELECT DISTINCT rank FROM headwater_run_output WHERE run_uuid = ? ORDER BY rank"


@dataclass(frozen=True, slots=True)
class Output:
    """A part of a rank's stream."""

    start: int
    content: bytes
    end: int
    """Where the stream ends, which may be after this part."""


def append(connection: Connection, run_id: str, rank: int, content: bytes) -> None:
    """Append to a rank's stream, and forget what is long gone by; the run's row is locked."""
    last = connection.execute(_LAST, (run_id, rank)).fetchone()
    start = 0
    if last is not None:
        start, size, stored = last
        if size + len(content) <= _ROW_BYTES:
            content = zstandard.decompress(bytes(stored)) + content
        else:
            start += size
    packed = zstandard.compress(content, _LEVEL)
    connection.execute(_PUT, (run_id, rank, start, len(content), packed))
    connection.execute(_FORGET, (run_id, rank, start + len(content) - KEPT_BYTES))


def read(connection: Connection, run_id: str, rank: int, start: int, most: int) -> Output:
    """Return at most `most` bytes from `start` on, or from where the stream is still kept.

    A negative `start` counts from the end.
    """
    first, end = connection.execute(_BOUNDS, (run_id, rank)).fetchone()
    if first is None:
        return Output(0, b"", 0)
    if start < 0:
        start += end
    start = min(max(start, first), end)
    until = min(start + most, end)
    rows = list(connection.execute(_FROM, (run_id, rank, start, until)))
    if not rows:
        return Output(start, b"", end)
    content = b"".join(zstandard.decompress(bytes(packed)) for _, packed in rows)
    skipped = start - int(rows[0][0])
    return Output(start, content[skipped : skipped + until - start], end)


def ranks(connection: Connection, run_id: str) -> list[int]:
    """Return the ranks that have printed something."""
    return [rank for (rank,) in connection.execute(_RANKS, (run_id,))]
