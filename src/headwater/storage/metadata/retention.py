"""What retention must know of runs, and the move of runs to the deleted ones."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from headwater.entities.project_path import PROJECT_TAG
from headwater.storage.metadata.base import LOCK_ROW, Connection

_RUNS = """
SELECT r.run_uuid, r.name, r.experiment_id, e.name, r.status, r.lifecycle_stage,
       COALESCE(r.end_time, r.start_time, 0), r.deleted_time
FROM runs r JOIN experiments e ON e.experiment_id = r.experiment_id
"""

_TAGS = "SELECT run_uuid, key, value FROM tags WHERE key = ?"

_METRICS = "SELECT run_uuid, value FROM latest_metrics WHERE key = ? AND is_nan = ?"

_POINTS = """
SELECT run_uuid, sum(points) FROM (
  SELECT run_uuid, points FROM headwater_metric_blocks
  UNION ALL SELECT run_uuid, points FROM headwater_metric_series
) AS stored GROUP BY run_uuid
"""

# MLflow marks a version that was deleted by its stage.
_VERSIONS = """
SELECT name, version, run_id, source, storage_location FROM model_versions
WHERE current_stage <> 'Deleted_Internal' ORDER BY version
"""

_LOGGED_MODELS = """
SELECT model_id, source_run_id, name, artifact_location FROM logged_models
WHERE source_run_id IS NOT NULL
"""

_ARTIFACT_URI = "SELECT artifact_uri FROM runs WHERE run_uuid = ?"

_PROJECTS = "SELECT experiment_id, value FROM experiment_tags WHERE key = ?"

_LOCK = f"SELECT status, lifecycle_stage FROM runs WHERE run_uuid = ? {LOCK_ROW}"  # noqa: S608

_TAG_OF = "SELECT 1 FROM tags WHERE run_uuid = ? AND key = ?"

_CHILD_OF = """
SELECT 1 FROM tags JOIN runs ON runs.run_uuid = tags.run_uuid
WHERE tags.key = 'mlflow.parentRunId' AND tags.value = ? AND runs.lifecycle_stage = 'active'
"""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run and its experiment; times in milliseconds since the epoch."""

    run_id: str
    name: str | None
    experiment_id: int
    experiment: str
    status: str
    stage: str
    ended: int
    deleted_time: int | None


@dataclass(frozen=True, slots=True)
class ModelVersionRow:
    """A version of a registered model, and what it was made from."""

    name: str
    version: int
    run_id: str | None
    source: str | None
    storage_location: str | None


@dataclass(frozen=True, slots=True)
class LoggedModelRow:
    """A model that a run has logged."""

    model_id: str
    run_id: str
    name: str
    location: str
    """The URI of its artifacts."""


def runs(connection: Connection) -> Iterator[RunRow]:
    """Yield every run."""
    for row in connection.execute(_RUNS):
        yield RunRow(*row)


def tags(connection: Connection, keys: Collection[str]) -> dict[str, dict[str, str]]:
    """Return the values of the given tags, by run."""
    return _by_run(connection, _TAGS, [(key,) for key in sorted(keys)])


def latest_values(connection: Connection, keys: Collection[str]) -> dict[str, dict[str, float]]:
    """Return the latest values of the given metrics that are numbers, by run."""
    found: dict[str, dict[str, float]] = {}
    for key in sorted(keys):
        for run_id, value in connection.execute(_METRICS, (key, False)):
            found.setdefault(run_id, {})[key] = value
    return found


def points(connection: Connection) -> dict[str, int]:
    """Return how many points Headwater stores of each run that has any."""
    return {run_id: int(count) for run_id, count in connection.execute(_POINTS)}


def versions(connection: Connection) -> list[ModelVersionRow]:
    """Return all versions of registered models, the oldest first."""
    return [ModelVersionRow(*row) for row in connection.execute(_VERSIONS)]


def logged_models(connection: Connection) -> list[LoggedModelRow]:
    """Return all models that runs have logged."""
    return [LoggedModelRow(*row) for row in connection.execute(_LOGGED_MODELS)]


def artifact_uri(connection: Connection, run_id: str) -> str | None:
    """Return where a run keeps its artifacts."""
    row = connection.execute(_ARTIFACT_URI, (run_id,)).fetchone()
    return None if row is None else row[0]


def project_tags(connection: Connection) -> dict[int, str]:
    """Return the tags of experiments that say in which project they are."""
    return dict(connection.execute(_PROJECTS, (PROJECT_TAG,)))


def may_go(connection: Connection, run_id: str, keep_tag: str) -> bool:
    """Lock a run and say whether it may still be removed: ended, not to be kept, no children."""
    return (
        may_lose_artifacts(connection, run_id, keep_tag)
        and connection.execute(_CHILD_OF, (run_id,)).fetchone() is None
    )


def may_lose_artifacts(connection: Connection, run_id: str, keep_tag: str) -> bool:
    """Lock a run and say whether its artifacts may still be removed: ended, and not to be kept."""
    row = connection.execute(_LOCK, (run_id,)).fetchone()
    if row is None or (row[0] not in ("FINISHED", "FAILED", "KILLED") and row[1] == "active"):
        return False
    return connection.execute(_TAG_OF, (run_id, keep_tag)).fetchone() is None


def _by_run(
    connection: Connection, statement: str, parameters: Sequence[tuple[str]]
) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for each in parameters:
        for run_id, key, value in connection.execute(statement, each):
            found.setdefault(run_id, {})[key] = value or ""
    return found
