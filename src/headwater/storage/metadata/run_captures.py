"""What the processes of runs have told of themselves, a row each rank."""

from dataclasses import dataclass

import zstandard

from headwater.storage.metadata.base import Connection

_LEVEL = 3
_PUT = """
INSERT INTO headwater_run_captures (run_uuid, rank, captured, diff) VALUES (?, ?, ?, ?)
ON CONFLICT (run_uuid, rank) DO UPDATE SET captured = excluded.captured, diff = excluded.diff
"""
_ALL = """
SELECT rank, captured FROM headwater_run_captures WHERE run_uuid = ? ORDER BY rank LIMIT ?
"""
_DIFF = "SELECT diff FROM headwater_run_captures WHERE run_uuid = ? AND rank = ?"


@dataclass(frozen=True, slots=True)
class StoredCapture:
    """What one rank has told."""

    rank: int
    captured: bytes
    """JSON of `headwater.wire.capture.Captured`."""


def put(
    connection: Connection, run_id: str, rank: int, captured: bytes, diff: bytes | None
) -> None:
    """Store what a rank tells, in place of what it had told before."""
    packed = None if diff is None else _compress(diff)
    connection.execute(_PUT, (run_id, rank, _compress(captured), packed))


def of_run(connection: Connection, run_id: str, most: int) -> list[StoredCapture]:
    """Return what the ranks of a run have told, in their order."""
    rows = connection.execute(_ALL, (run_id, most))
    return [StoredCapture(rank, _decompress(captured)) for rank, captured in rows]


def diff(connection: Connection, run_id: str, rank: int) -> bytes | None:
    """Return a rank's patch, None where it has told none."""
    row = connection.execute(_DIFF, (run_id, rank)).fetchone()
    return None if row is None or row[0] is None else _decompress(row[0])


def _compress(content: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=_LEVEL).compress(content)


def _decompress(content: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(bytes(content))
