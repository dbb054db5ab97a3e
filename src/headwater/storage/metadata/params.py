"""Statements on MLflow's ``params`` table."""

from collections.abc import Sequence

from headwater.storage.metadata.base import Connection

_INSERT = """
    INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)
    ON CONFLICT (key, run_uuid) DO NOTHING
"""


def insert_missing(
    connection: Connection, run_id: str, items: Sequence[tuple[str, str]]
) -> dict[str, str]:
    """Insert those (key, value) pairs whose key the run does not have yet.

    Returns the stored values of all the keys where some were there before, else nothing: an empty
    result means that every pair was inserted.
    """
    cursor = connection.executemany(_INSERT, [(key, value, run_id) for key, value in items])
    if cursor.rowcount == len(items):
        return {}
    return existing(connection, run_id, [key for key, _ in items])


def existing(connection: Connection, run_id: str, keys: Sequence[str]) -> dict[str, str]:
    """Return the stored values of those keys that the run has."""
    marks = ", ".join("?" * len(keys))
    rows = connection.execute(
        f"SELECT key, value FROM params WHERE run_uuid = ? AND key IN ({marks})",  # noqa: S608  # marks only
        (run_id, *keys),
    )
    return dict(rows)
