"""What the artifacts of registered models and their versions take."""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.entities.artifact_location import proxied_path
from headwater.storage.artifacts.store import ArtifactStore
from headwater.storage.artifacts.usage import Usage, usage
from headwater.storage.metadata.base import Database
from headwater.storage.metadata.registered_versions import all_versions

_Group = tuple[str, int | None]
_ALL: _Group = ("", None)


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """What a registered model has, or one version of it."""

    model: str
    """``""``: all files, whether registered or not."""

    version: int | None
    """None: all of the model together."""

    usage: Usage | None
    """None where the version's artifacts are in no store of this server's."""


async def model_usage(database: Database, store: ArtifactStore) -> Sequence[ModelUsage]:
    """Return what each registered model and each of its versions takes; all files first.

    Several versions may be made of one logged model, and then have the same files.

    Raises:
        ArtifactStoreError: the store cannot be read.
    """
    versions = await database.read(all_versions)
    owners: dict[str, set[_Group]] = {}
    for each in versions:
        directory = proxied_path(each.location)
        if directory:
            owners.setdefault(directory, set()).update(
                ((each.name, None), (each.name, each.version))
            )

    def groups(path: str) -> set[_Group]:
        found = {_ALL}
        while path:
            found |= owners.get(path, set())
            path = path.rpartition("/")[0]
        return found

    used = usage(store, groups)
    placed = {_ALL}.union(*owners.values())
    rows = dict.fromkeys([_ALL])
    for each in versions:  # in the order of the models, each before its versions
        rows[each.name, None] = rows[each.name, each.version] = None
    return [ModelUsage(*row, used.get(row, Usage()) if row in placed else None) for row in rows]
