"""The limits of artifacts, with what is used of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.entities.project_path import is_within, path_of_tag
from headwater.errors import InvalidParameterError
from headwater.storage.artifacts.store import ArtifactStore
from headwater.storage.metadata.base import Connection
from headwater.tracking.artifact_changes import learn
from headwater.tracking.quotas import Quota, Quotas, read_quotas
from headwater.tracking.service import TrackingService


@dataclass(frozen=True, slots=True)
class UsedQuota:
    """A limit and what is used of it."""

    quota: Quota
    used: int
    """Bytes."""


async def list_quotas(service: TrackingService, path: str = "") -> Sequence[UsedQuota]:
    """Return the limits of a project and of all that is below it; projects before experiments.

    Raises:
        InvalidParameterError: the server has no artifact store, and enforces no limits.
    """
    store, project = store_of(service), path_of_tag(path)

    def read(connection: Connection) -> Quotas:
        if store.objects.is_shared:
            learn(connection, store)
        return read_quotas(connection)

    found = await service.database.read(read)
    return [
        UsedQuota(each, found.used(each, store.index.size_below))
        for each in found.quotas
        if is_within(each.project, project)
    ]


def store_of(service: TrackingService) -> ArtifactStore:
    """Return the server's artifact store.

    Raises:
        InvalidParameterError: it has none.
    """
    if service.artifacts is None:
        raise InvalidParameterError(
            "This server has no artifact store of its own, so that it cannot limit artifacts; "
            "start it with a data directory, or --artifacts-destination headwater-cas+file:///path"
        )
    return service.artifacts
