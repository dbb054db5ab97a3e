"""Delete a tag of an experiment."""

from headwater.errors import NotFoundError
from headwater.storage.metadata import tags
from headwater.storage.metadata.base import Connection
from headwater.tracking import validate
from headwater.tracking.existing import require_active_experiment
from headwater.tracking.service import TrackingService


async def delete_experiment_tag(service: TrackingService, experiment_id: str, key: str) -> None:
    """Delete a tag of an active experiment.

    Raises:
        NotFoundError: there is no such experiment or tag.
        NotServedError: the experiment is deleted.
    """
    number = validate.experiment_id(experiment_id)
    validate.present(key)

    def delete(connection: Connection) -> None:
        require_active_experiment(connection, number)
        if not tags.delete_for_experiment(connection, number, key):
            raise NotFoundError(f"No tag with name: {key} in experiment with id {number}")

    await service.database.write(delete)
