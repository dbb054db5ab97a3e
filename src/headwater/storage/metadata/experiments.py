"""Statements on MLflow's ``experiments`` table."""

from collections.abc import Iterator, Sequence

from headwater.entities.experiment import Experiment
from headwater.entities.run import Tag
from headwater.errors import NotServedError
from headwater.storage.metadata.base import LOCK_ROW, Connection
from headwater.storage.metadata.runs import ACTIVE

WORKSPACE = "default"
"""The workspace of every experiment while MLflow's workspaces are off."""

_CHUNK = 1_000

_INSERT = """
    INSERT INTO experiments
        (name, workspace, lifecycle_stage, creation_time, last_update_time)
    VALUES (?, ?, ?, ?, ?) RETURNING experiment_id
"""
_INSERT_UNLESS_TAKEN = _INSERT.replace("RETURNING", "ON CONFLICT DO NOTHING RETURNING")
_SELECT = """
    SELECT experiment_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time
    FROM experiments WHERE experiment_id IN ({})
"""


_LOCK = f"SELECT lifecycle_stage FROM experiments WHERE experiment_id = ? {LOCK_ROW}"  # noqa: S608


def lifecycle(connection: Connection, experiment_id: int) -> tuple[str, str | None] | None:
    """Return the experiment's lifecycle stage and artifact location, or None if there is none."""
    row: tuple[str, str | None] | None = connection.execute(
        "SELECT lifecycle_stage, artifact_location FROM experiments WHERE experiment_id = ?",
        (experiment_id,),
    ).fetchone()
    return row


def locked_stage(connection: Connection, experiment_id: int) -> str | None:
    """Return the experiment's lifecycle stage, or None if there is none, and lock its row.

    A write that relies on the stage calls this before it locks any run.
    """
    row: tuple[str] | None = connection.execute(_LOCK, (experiment_id,)).fetchone()
    return None if row is None else row[0]


def find_by_name(connection: Connection, name: str) -> int | None:
    """Return the id of the experiment of that name, whatever its stage."""
    row: tuple[int] | None = connection.execute(
        "SELECT experiment_id FROM experiments WHERE workspace = ? AND name = ?", (WORKSPACE, name)
    ).fetchone()
    return None if row is None else row[0]


def active_ids(connection: Connection) -> list[int]:
    """Return the ids of all experiments that are not deleted, in their order."""
    rows = connection.execute(
        "SELECT experiment_id FROM experiments WHERE lifecycle_stage = ? ORDER BY experiment_id",
        (ACTIVE,),
    ).fetchall()
    return [row[0] for row in rows]


def load_experiments(connection: Connection, experiment_ids: Sequence[int]) -> list[Experiment]:
    """Return the experiments with the given ids that exist, in that order, with their tags.

    Raises:
        NotServedError: a row lacks what MLflow requires, so that MLflow fails in its own way.
    """
    experiments: list[Experiment] = []
    for start in range(0, len(experiment_ids), _CHUNK):
        experiments.extend(_load_chunk(connection, experiment_ids[start : start + _CHUNK]))
    return experiments


def insert(connection: Connection, name: str, now: int) -> int:
    """Insert an active experiment without artifact location and return its id.

    Raises:
        NotServedError: the name is taken.
    """
    row: tuple[int] = connection.execute(_INSERT, (name, WORKSPACE, ACTIVE, now, now)).fetchone()
    return row[0]


def insert_unless_taken(connection: Connection, name: str, now: int) -> int | None:
    """Insert as `insert` and return the id, None where the name is taken."""
    row: tuple[int] | None = connection.execute(
        _INSERT_UNLESS_TAKEN, (name, WORKSPACE, ACTIVE, now, now)
    ).fetchone()
    return None if row is None else row[0]


def set_artifact_location(connection: Connection, experiment_id: int, location: str) -> None:
    """Set where the experiment's artifacts lie."""
    connection.execute(
        "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?",
        (location, experiment_id),
    )


def rename(connection: Connection, experiment_id: int, name: str, now: int) -> None:
    """Set the experiment's name.

    Raises:
        NotServedError: the name is taken.
    """
    connection.execute(
        "UPDATE experiments SET name = ?, last_update_time = ? WHERE experiment_id = ?",
        (name, now, experiment_id),
    )


def set_lifecycle(connection: Connection, experiment_id: int, stage: str, now: int) -> None:
    """Move the experiment to a lifecycle stage; its runs are `runs.set_lifecycle_of_all`'s."""
    connection.execute(
        "UPDATE experiments SET lifecycle_stage = ?, last_update_time = ? WHERE experiment_id = ?",
        (stage, now, experiment_id),
    )


def _load_chunk(connection: Connection, experiment_ids: Sequence[int]) -> Iterator[Experiment]:
    marks = ",".join("?" * len(experiment_ids))
    rows = {row[0]: row for row in connection.execute(_SELECT.format(marks), experiment_ids)}
    tags: dict[int, list[Tag]] = {experiment_id: [] for experiment_id in rows}
    for experiment_id, key, value in connection.execute(
        f"SELECT experiment_id, key, value FROM experiment_tags WHERE experiment_id IN ({marks})",  # noqa: S608  # marks only
        experiment_ids,
    ):
        tags[experiment_id].append(Tag(key, value))
    for experiment_id in experiment_ids:
        if experiment_id in rows:
            _, name, location, stage, created, updated = rows[experiment_id]
            if location is None or stage is None:
                raise NotServedError(f"experiment {experiment_id} lacks a column")
            yield Experiment(
                experiment_id, name, location, stage, created, updated, tags[experiment_id]
            )
