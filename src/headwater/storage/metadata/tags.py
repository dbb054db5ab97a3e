"""Statements on MLflow's ``tags`` and ``experiment_tags`` tables."""

from collections.abc import Iterable

from headwater.storage.metadata.base import Connection

RUN_NAME = "mlflow.runName"
"""The tag that MLflow keeps equal to the run's name."""

FAILURE_REASON = "headwater.failure_reason"
"""The tag that says why the server has marked a run as failed."""

_UPSERT = """
    INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)
    ON CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value
"""
_INSERT = "INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)"
_UPSERT_FOR_EXPERIMENT = """
    INSERT INTO experiment_tags (key, value, experiment_id) VALUES (?, ?, ?)
    ON CONFLICT (key, experiment_id) DO UPDATE SET value = excluded.value
"""


def upsert(connection: Connection, run_id: str, items: Iterable[tuple[str, str]]) -> None:
    """Set tags of a run; of equal keys the last one stays.

    `RUN_NAME` among them needs `runs.rename` instead.
    """
    connection.executemany(_UPSERT, [(key, value, run_id) for key, value in items])


def insert(connection: Connection, run_id: str, items: Iterable[tuple[str, str]]) -> None:
    """Insert the tags of a new run.

    Raises:
        NotServedError: a key occurs twice.
    """
    connection.executemany(_INSERT, [(key, value, run_id) for key, value in items])


def delete(connection: Connection, run_id: str, key: str) -> bool:
    """Delete a tag of a run and return whether it was there."""
    cursor = connection.execute("DELETE FROM tags WHERE run_uuid = ? AND key = ?", (run_id, key))
    return cursor.rowcount > 0


def upsert_for_experiment(
    connection: Connection, experiment_id: int, items: Iterable[tuple[str, str]]
) -> None:
    """Set tags of an experiment; of equal keys the last one stays."""
    connection.executemany(
        _UPSERT_FOR_EXPERIMENT, [(key, value, experiment_id) for key, value in items]
    )


def delete_for_experiment(connection: Connection, experiment_id: int, key: str) -> bool:
    """Delete a tag of an experiment and return whether it was there."""
    cursor = connection.execute(
        "DELETE FROM experiment_tags WHERE experiment_id = ? AND key = ?", (experiment_id, key)
    )
    return cursor.rowcount > 0
