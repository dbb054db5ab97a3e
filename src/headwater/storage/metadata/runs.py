"""Statements on MLflow's ``runs`` table."""

from headwater.entities.run import RunInfo
from headwater.storage.metadata import tags
from headwater.storage.metadata.base import LOCK_ROW, Connection

ACTIVE = "active"
DELETED = "deleted"

_INSERT = """
    INSERT INTO runs
        (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time,
         source_version, lifecycle_stage, artifact_uri, experiment_id)
    VALUES (?, ?, 'UNKNOWN', '', '', ?, ?, ?, '', ?, ?, ?)
"""
_INFO = """
    SELECT run_uuid, name, experiment_id, user_id, status, start_time, end_time, lifecycle_stage,
           artifact_uri
    FROM runs WHERE run_uuid = ?
"""
_LIFECYCLE = f"SELECT lifecycle_stage, experiment_id FROM runs WHERE run_uuid = ? {LOCK_ROW}"  # noqa: S608  # constants
_STATUS = f"SELECT status FROM runs WHERE run_uuid = ? AND lifecycle_stage = 'active' {LOCK_ROW}"  # noqa: S608
_UPDATE_LIFECYCLES = f"""
    UPDATE runs SET lifecycle_stage = ?, deleted_time = ? WHERE run_uuid IN (
        SELECT run_uuid FROM runs WHERE experiment_id = ? ORDER BY run_uuid {LOCK_ROW}
    )
"""  # noqa: S608
_UPDATE = """
    UPDATE runs SET status = COALESCE(?, status), end_time = COALESCE(?, end_time)
    WHERE run_uuid = ?
"""


def lifecycle(connection: Connection, run_id: str) -> tuple[str, int] | None:
    """Return the run's lifecycle stage and experiment, or None where there is no such run.

    A write that goes on to change anything of the run calls this first: it locks the run's row.
    """
    row: tuple[str, int] | None = connection.execute(_LIFECYCLE, (run_id,)).fetchone()
    return row


def locked_status(connection: Connection, run_id: str) -> str | None:
    """Return an active run's status, None where there is none; no other write changes it now."""
    row = connection.execute(_STATUS, (run_id,)).fetchone()
    return None if row is None else str(row[0])


def reopen(connection: Connection, run_id: str) -> None:
    """Have a run that had ended go on."""
    connection.execute(
        "UPDATE runs SET status = 'RUNNING', end_time = NULL WHERE run_uuid = ?", (run_id,)
    )


def info(connection: Connection, run_id: str) -> RunInfo | None:
    """Return the run's row as it is, or None where there is no such run."""
    row = connection.execute(_INFO, (run_id,)).fetchone()
    return None if row is None else RunInfo(*row)


def insert(connection: Connection, run: RunInfo) -> None:
    """Insert a new run that has not ended."""
    connection.execute(
        _INSERT,
        (
            run.run_id,
            run.name,
            run.user_id,
            run.status,
            run.start_time,
            run.lifecycle_stage,
            run.artifact_uri,
            run.experiment_id,
        ),
    )


def update(connection: Connection, run_id: str, status: str | None, end_time: int | None) -> None:
    """Set what is not None."""
    connection.execute(_UPDATE, (status, end_time, run_id))


def rename(connection: Connection, run_id: str, name: str) -> None:
    """Set the run's name and the tag that mirrors it."""
    connection.execute("UPDATE runs SET name = ? WHERE run_uuid = ?", (name, run_id))
    tags.upsert(connection, run_id, [(tags.RUN_NAME, name)])


def set_lifecycle(
    connection: Connection, run_id: str, stage: str, deleted_time: int | None
) -> bool:
    """Move a run to a lifecycle stage and return whether there is such a run."""
    cursor = connection.execute(
        "UPDATE runs SET lifecycle_stage = ?, deleted_time = ? WHERE run_uuid = ?",
        (stage, deleted_time, run_id),
    )
    return cursor.rowcount > 0


def set_lifecycle_of_all(
    connection: Connection, experiment_id: int, stage: str, deleted_time: int | None
) -> None:
    """Move every run of an experiment to a lifecycle stage."""
    connection.execute(_UPDATE_LIFECYCLES, (stage, deleted_time, experiment_id))
