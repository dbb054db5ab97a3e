"""When the process of each running run was heard last."""

from headwater.storage.metadata.base import Connection

_BEAT = """
INSERT INTO headwater_run_heartbeats (run_uuid, seen_at, lost_after) VALUES (?, ?, ?)
ON CONFLICT (run_uuid) DO UPDATE SET seen_at = excluded.seen_at, lost_after = excluded.lost_after
"""
_SILENT = "seen_at < ? - lost_after AND lost_after < ?"
_OVERDUE = f"""
SELECT run_uuid FROM headwater_run_heartbeats WHERE {_SILENT} ORDER BY run_uuid LIMIT ?
"""  # noqa: S608  # constants
_FORGET_SILENT = f"DELETE FROM headwater_run_heartbeats WHERE run_uuid = ? AND {_SILENT}"  # noqa: S608
_SEEN = "SELECT seen_at FROM headwater_run_heartbeats WHERE run_uuid = ?"


def beat(connection: Connection, run_id: str, now: int, lost_after: int) -> None:
    """Note that a run's process was heard now; both in milliseconds."""
    connection.execute(_BEAT, (run_id, now, lost_after))


def forget(connection: Connection, run_id: str) -> None:
    """Expect no more of a run's process."""
    connection.execute("DELETE FROM headwater_run_heartbeats WHERE run_uuid = ?", (run_id,))


def seen_at(connection: Connection, run_id: str) -> int | None:
    """Return when a run's process was heard last, in milliseconds since the epoch."""
    row = connection.execute(_SEEN, (run_id,)).fetchone()
    return None if row is None else int(row[0])


def silent(connection: Connection, now: int, listening: int, most: int) -> list[str]:
    """Return runs that were not heard for as long as they said, in order.

    Somebody must have listened for as long: `listening` milliseconds.
    """
    return [row[0] for row in connection.execute(_OVERDUE, (now, listening, most))]


def forget_if_silent(connection: Connection, run_id: str, now: int, listening: int) -> bool:
    """Expect no more of a run that `silent` has returned; False if it was heard meanwhile."""
    return connection.execute(_FORGET_SILENT, (run_id, now, listening)).rowcount == 1
