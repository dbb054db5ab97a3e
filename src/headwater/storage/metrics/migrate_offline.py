"""Moves all rows of MLflow's ``metrics`` table into chunks while nobody else uses the database.

What takes longest beside others, deleting rows one by one from four trees, is saved: the table is
emptied at the end, at once. Until then every point is in a row, and those copied also in a chunk.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from headwater.storage.metadata.sqlite_exclusive import exclusive_connection, transaction
from headwater.storage.metrics import mlflow_rows
from headwater.storage.metrics.migrate import Migrated, plan_copy, store_copy
from headwater.storage.metrics.mlflow_rows import RowSlice

_ROWS_A_STEP = 262_144
"""Bounds memory, see `migrate`."""

_SELECT_AFTER = """
SELECT key, timestamp, step, value, is_nan FROM metrics
WHERE run_uuid = ? AND rowid > ? ORDER BY rowid LIMIT ?
"""

_LAST = """
SELECT max(rowid) FROM (
  SELECT rowid FROM metrics WHERE run_uuid = ? AND rowid > ? ORDER BY rowid LIMIT ?
)
"""

_DELETE_RUN = "DELETE FROM metrics WHERE run_uuid = ?"


def migrate_offline(path: Path, progress: Callable[[int], None]) -> Migrated:
    """Move all rows that belong to a run into chunks; see `migrate.migrate_run`.

    `progress` is told how many points each step copied.

    Raises:
        DatabaseBusyError: another process has the database open.
        DatabaseError: the database refused a transaction; the ones before it are done.
    """
    total, damaged = Migrated(), False
    with exclusive_connection(path) as connection:
        after, done = "", []
        while (run_id := mlflow_rows.next_run(connection, after)) is not None:
            migrated = _copy_run(connection, run_id, progress)
            total, after = total.plus(migrated), run_id
            if migrated.left:
                damaged = True
            else:
                done.append(run_id)
        rows = mlflow_rows.count(connection)
        if not damaged and rows == total.points:
            # Without WHERE and foreign keys to look at, SQLite frees pages instead of rows.
            connection.execute("PRAGMA foreign_keys = OFF")
            with transaction(connection):
                connection.execute("DELETE FROM metrics")
        else:
            for run_id in done:
                with transaction(connection):
                    connection.execute(_DELETE_RUN, (run_id,))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return total


def _copy_run(
    connection: sqlite3.Connection, run_id: str, progress: Callable[[int], None]
) -> Migrated:
    """Copy the rows of a run; a run with a damaged chunk is left as it is, once it is found."""
    copied = last = 0
    while True:
        parameters = (run_id, last, _ROWS_A_STEP)
        rows = mlflow_rows.columns(connection.execute(_SELECT_AFTER, parameters))
        if len(rows) == 0:
            return Migrated(1, copied)
        if not _copy_slice(connection, run_id, rows):
            return Migrated(1, 0, mlflow_rows.count(connection, run_id))
        (last,) = connection.execute(_LAST, parameters).fetchone()
        copied += len(rows)
        progress(len(rows))


def _copy_slice(connection: sqlite3.Connection, run_id: str, rows: RowSlice) -> bool:
    """Copy rows into chunks, and say whether all of them could be read back from there."""
    plan = plan_copy(connection, run_id, rows)
    if plan.changes:
        with transaction(connection):
            store_copy(connection, run_id, plan)
        plan = plan_copy(connection, run_id, rows)
    return not plan.changes and not plan.damaged
