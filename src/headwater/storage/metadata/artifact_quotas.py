"""Statements on ``headwater_artifact_quotas``, and what the limits of artifacts depend on."""

from collections.abc import Mapping
from dataclasses import dataclass

from headwater.entities.artifact_quota import QUOTA_TAG
from headwater.entities.project_path import PROJECT_TAG
from headwater.storage.metadata.base import Connection

_PROJECTS = "SELECT project, bytes FROM headwater_artifact_quotas ORDER BY project"
_SET = """
INSERT INTO headwater_artifact_quotas (project, bytes) VALUES (?, ?)
ON CONFLICT (project) DO UPDATE SET bytes = excluded.bytes
"""
_DELETE = "DELETE FROM headwater_artifact_quotas WHERE project = ?"
_TAGGED = "SELECT 1 FROM experiment_tags WHERE key = ? LIMIT 1"
_EXPERIMENTS = """
SELECT e.experiment_id, e.name, e.artifact_location, p.value, q.value FROM experiments AS e
LEFT JOIN experiment_tags AS p ON p.experiment_id = e.experiment_id AND p.key = ?
LEFT JOIN experiment_tags AS q ON q.experiment_id = e.experiment_id AND q.key = ?
ORDER BY e.experiment_id
"""


@dataclass(frozen=True, slots=True)
class PlacedArtifacts:
    """Where an experiment's artifacts are, and in which project it is."""

    experiment_id: int
    name: str
    location: str | None
    project_tag: str | None
    quota_tag: str | None


def of_projects(connection: Connection) -> Mapping[str, int]:
    """Return the limits of projects, by their paths."""
    return dict(connection.execute(_PROJECTS))


def any_experiment(connection: Connection) -> bool:
    """Say whether an experiment has a limit."""
    return connection.execute(_TAGGED, (QUOTA_TAG,)).fetchone() is not None


def experiments(connection: Connection) -> list[PlacedArtifacts]:
    """Return all experiments, also deleted ones, whose artifacts are there as well."""
    return [
        PlacedArtifacts(*row) for row in connection.execute(_EXPERIMENTS, (PROJECT_TAG, QUOTA_TAG))
    ]


def set_of_project(connection: Connection, project: str, limit: int | None) -> None:
    """Set the limit of a project, in bytes; None: it has none."""
    if limit is None:
        connection.execute(_DELETE, (project,))
    else:
        connection.execute(_SET, (project, limit))
