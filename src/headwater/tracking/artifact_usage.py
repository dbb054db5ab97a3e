"""What the artifacts of projects and experiments take, beside their limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from headwater.entities.artifact_location import proxied_path
from headwater.entities.project_path import ancestors, path_of_tag
from headwater.storage.artifacts.store import ArtifactStore
from headwater.storage.artifacts.usage import Usage, usage
from headwater.storage.metadata import artifact_quotas
from headwater.storage.metadata.artifact_quotas import PlacedArtifacts
from headwater.storage.metadata.base import Connection, Database
from headwater.tracking.quotas import directory_of, quotas_of

Owner = Literal["project", "experiment"]


@dataclass(frozen=True, slots=True)
class OwnedUsage:
    """What an owner of artifacts has."""

    name: str
    """A path, or the name of an experiment; ``""``: all."""

    usage: Usage
    limit: int | None
    """Bytes of `Usage.size` that are allowed, where there is a limit."""


async def artifact_usage(
    database: Database, store: ArtifactStore, owner: Owner
) -> Sequence[OwnedUsage]:
    """Return what each project or experiment takes that has a file or a limit; all first.

    Raises:
        ArtifactStoreError: the store cannot be read.
    """

    def read(connection: Connection) -> tuple[Mapping[str, int], list[PlacedArtifacts]]:
        return (
            artifact_quotas.of_projects(connection),
            artifact_quotas.experiments(connection),
        )

    limits, experiments = await database.read(read)
    owners: dict[str, set[str]] = {}
    for each in experiments:
        directory = proxied_path(each.location)
        if directory is not None:
            names = ancestors(path_of_tag(each.project_tag)) if owner == "project" else [each.name]
            owners.setdefault(directory, set()).update(names)

    def groups(path: str) -> set[str]:
        directory = directory_of(path, owners.keys())
        return {"", *(() if directory is None else owners[directory])}

    found = usage(store, groups)
    allowed: dict[str, int | None] = {
        each.project if each.experiment_id is None else each.name: each.limit
        for each in quotas_of(limits, experiments).quotas
        if each.is_of_everything or (each.experiment_id is None) == (owner == "project")
    }
    return [
        OwnedUsage(name, found.get(name, Usage()), allowed.get(name))
        for name in sorted({"", *found, *allowed})
    ]
