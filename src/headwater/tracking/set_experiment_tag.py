"""Set a tag of an experiment."""

from headwater.storage.metadata import tags
from headwater.storage.metadata.base import Connection
from headwater.tracking import validate
from headwater.tracking.existing import require_active_experiment
from headwater.tracking.service import TrackingService


async def set_experiment_tag(
    service: TrackingService, experiment_id: str, key: str, value: str
) -> None:
    """Set a tag of an active experiment.

    Raises:
        NotFoundError: there is no such experiment.
        NotServedError: it is deleted, or MLflow has a rule about the tag.
    """
    number = validate.experiment_id(experiment_id)
    item = validate.experiment_tag(key, value)

    def store(connection: Connection) -> None:
        require_active_experiment(connection, number)
        tags.upsert_for_experiment(connection, number, [item])

    await service.database.write(store)
