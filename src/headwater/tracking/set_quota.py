"""Set how many bytes of artifacts a project or an experiment may have."""

from headwater.entities.artifact_quota import QUOTA_TAG
from headwater.entities.project_path import parse_path
from headwater.storage.metadata import artifact_quotas, experiments, tags
from headwater.storage.metadata.base import Connection
from headwater.tracking.existing import experiment_not_found
from headwater.tracking.list_quotas import store_of
from headwater.tracking.service import TrackingService


async def set_project_quota(service: TrackingService, project: str, limit: int | None) -> str:
    """Limit the artifacts of a project and of all below it, and return its path.

    ``""`` is everything; a `limit` of None takes it away. The project need not be there yet.

    Raises:
        InvalidParameterError: it is no path, or the server has no artifact store.
    """
    store_of(service)
    path = parse_path(project, "project")
    await service.database.write(lambda c: artifact_quotas.set_of_project(c, path, limit))
    return path


async def set_experiment_quota(
    service: TrackingService, experiment_id: int, limit: int | None
) -> None:
    """Limit the artifacts of an experiment by its tag `QUOTA_TAG`; None takes the limit away.

    Raises:
        NotFoundError: there is no such experiment.
        InvalidParameterError: the server has no artifact store.
    """
    store_of(service)

    def change(connection: Connection) -> None:
        if experiments.lifecycle(connection, experiment_id) is None:
            raise experiment_not_found(experiment_id)
        if limit is None:
            tags.delete_for_experiment(connection, experiment_id, QUOTA_TAG)
        else:
            tags.upsert_for_experiment(connection, experiment_id, [(QUOTA_TAG, str(limit))])

    await service.database.write(change)
