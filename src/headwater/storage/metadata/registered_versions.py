"""Statements on MLflow's tables of registered models: where the artifacts of versions are."""

from dataclasses import dataclass

from headwater.storage.metadata.base import Connection

# MLflow marks a version that was deleted by its stage. A version that was made of a logged model
# names that as its source, and where it is as its storage location.
_VERSIONS = """
SELECT v.name, v.version, COALESCE(v.storage_location, v.source), COALESCE(v.creation_time, 0)
FROM model_versions v
"""
_ALL = f"{_VERSIONS} WHERE v.current_stage <> 'Deleted_Internal' ORDER BY v.name, v.version"
_NEWEST = f"""{_VERSIONS} JOIN (
  SELECT name, max(version) AS version FROM model_versions
  WHERE current_stage <> 'Deleted_Internal' GROUP BY name
) newest ON newest.name = v.name AND newest.version = v.version
ORDER BY v.name
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """A version of a registered model."""

    name: str
    version: int
    location: str | None
    """The URI of its artifacts."""

    created: int
    """Milliseconds since the epoch."""


def all_versions(connection: Connection) -> list[RegisteredVersion]:
    """Return all versions, in the order of their names and numbers."""
    return [RegisteredVersion(*row) for row in connection.execute(_ALL)]


def newest_versions(connection: Connection) -> list[RegisteredVersion]:
    """Return the newest version of each registered model."""
    return [RegisteredVersion(*row) for row in connection.execute(_NEWEST)]
