"""Reads the blocks of a run, a page at a time: some drivers fetch whole results at once."""

from collections.abc import Iterator

from headwater.storage.metadata.base import LOCK_ROW, Connection

_SELECT = """
SELECT block_id, payload FROM headwater_metric_blocks
WHERE run_uuid = ? AND block_id > ? ORDER BY block_id LIMIT ?
"""

_LOCK = f"""
SELECT block_id, payload FROM headwater_metric_blocks
WHERE run_uuid = ? AND block_id > ? AND block_id <= ? ORDER BY block_id {LOCK_ROW}
"""  # noqa: S608  # a constant

_BLOCKS_A_PAGE = 256
"""Bounds what is in memory."""


def blocks_after(
    connection: Connection, run_id: str, after: int = 0, *, lock: bool = False
) -> Iterator[tuple[int, bytes]]:
    """Yield (id, payload) of a run's blocks above an id, in order.

    With `lock`, other writers wait for each block until this transaction ends.
    """
    while page := connection.execute(_SELECT, (run_id, after, _BLOCKS_A_PAGE)).fetchall():
        last = page[-1][0]
        if lock:
            # Again, for a lock that was waited for leaves out what was deleted meanwhile: such a
            # page may be short, or empty, without being the last.
            yield from connection.execute(_LOCK, (run_id, after, last)).fetchall()
        else:
            yield from page
        after = last
