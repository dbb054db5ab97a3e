"""Statements on the tree of projects, which lives in a tag of MLflow's experiments."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from headwater.entities.project_path import PROJECT_TAG
from headwater.storage.metadata import tags
from headwater.storage.metadata.base import LOCK_ROW, Connection

_PLACES = """
SELECT t.experiment_id, t.value FROM experiment_tags AS t WHERE t.key = ? ORDER BY t.experiment_id
"""

_LOCK_PLACES = f"{_PLACES} {LOCK_ROW}"

_LOCK_STAGES = f"""
SELECT experiment_id, lifecycle_stage FROM experiments
WHERE experiment_id IN ({{}}) ORDER BY experiment_id {LOCK_ROW}
"""  # noqa: S608  # constants

_ACTIVITIES = """
SELECT e.experiment_id, e.name, e.lifecycle_stage, t.value, COALESCE(r.runs, 0),
       e.creation_time, r.started, r.ended
FROM experiments AS e
LEFT JOIN experiment_tags AS t ON t.experiment_id = e.experiment_id AND t.key = ?
LEFT JOIN (
    SELECT experiment_id, COUNT(*) AS runs, MAX(start_time) AS started, MAX(end_time) AS ended
    FROM runs WHERE lifecycle_stage = 'active' GROUP BY experiment_id
) AS r ON r.experiment_id = e.experiment_id
WHERE e.lifecycle_stage IN ({}) ORDER BY e.experiment_id
"""

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class ExperimentActivity:
    """An experiment as the tree of projects shows it."""

    experiment_id: int
    name: str
    stage: str
    tag: str | None
    """The value of the tag that says its project."""

    runs: int
    """Active ones."""

    last_activity: int | None
    """When it was created, or one of its runs started or ended last, in ms since the epoch."""


def activities(connection: Connection, stages: Sequence[str]) -> Iterator[ExperimentActivity]:
    """Yield the experiments of the given lifecycle stages."""
    statement = _ACTIVITIES.format(",".join("?" * len(stages)))
    rows = connection.execute(statement, (PROJECT_TAG, *stages))
    for number, name, stage, tag, runs, created, started, ended in rows:
        times = [moment for moment in (created, started, ended) if moment is not None]
        yield ExperimentActivity(number, name, stage, tag, runs, max(times, default=None))


def locked_places(connection: Connection) -> Mapping[int, str | None]:
    """Return the tag of every experiment that has it; nobody else changes one meanwhile.

    Experiments that others put somewhere while this one waited are among them.
    """
    places: dict[int, str | None] = {}
    while True:
        places |= dict(connection.execute(_LOCK_PLACES, (PROJECT_TAG,)))
        if dict(connection.execute(_PLACES, (PROJECT_TAG,))).keys() <= places.keys():
            return places


def locked_stages(connection: Connection, experiment_ids: Sequence[int]) -> Mapping[int, str]:
    """Return the lifecycle stages of the experiments that exist, and lock their rows."""
    stages: dict[int, str] = {}
    ordered = sorted(experiment_ids)
    for start in range(0, len(ordered), _CHUNK):
        chunk = ordered[start : start + _CHUNK]
        statement = _LOCK_STAGES.format(",".join("?" * len(chunk)))
        stages |= dict(connection.execute(statement, chunk))
    return stages


def place(connection: Connection, paths: Iterable[tuple[int, str]]) -> None:
    """Put experiments, in order, at the given paths; the empty one is no project."""
    for experiment_id, path in sorted(paths):
        if path:
            tags.upsert_for_experiment(connection, experiment_id, [(PROJECT_TAG, path)])
        else:
            tags.delete_for_experiment(connection, experiment_id, PROJECT_TAG)
