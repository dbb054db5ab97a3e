"""Statements on MLflow's ``runs`` table."""

from headwater.storage.metadata import tags
from headwater.storage.metadata.base import Connection

ACTIVE = "active"
DELETED = "deleted"


def lifecycle(connection: Connection, run_id: str) -> tuple[str, int] | None:
    """Return the run's lifecycle stage and experiment, or None where there is no such run."""
    row: tuple[str, int] | None = connection.execute(
        "SELECT lifecycle_stage, experiment_id FROM runs WHERE run_uuid = ?", (run_id,)
    ).fetchone()
    return row


def rename(connection: Connection, run_id: str, name: str) -> None:
    """Set the run's name and the tag that mirrors it."""
    connection.execute("UPDATE runs SET name = ? WHERE run_uuid = ?", (name, run_id))
    tags.upsert(connection, run_id, [(tags.RUN_NAME, name)])
