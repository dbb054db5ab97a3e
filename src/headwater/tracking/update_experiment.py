"""Rename an experiment."""

from headwater.storage.metadata import experiments
from headwater.storage.metadata.base import Connection
from headwater.tracking import validate
from headwater.tracking.clock import now
from headwater.tracking.existing import require_active_experiment
from headwater.tracking.service import TrackingService


async def update_experiment(service: TrackingService, experiment_id: str, new_name: str) -> None:
    """Give an active experiment a new name.

    Raises:
        NotFoundError: there is no such experiment.
        NotServedError: it is deleted, or the name is taken or not ordinary.
    """
    number = validate.experiment_id(experiment_id)
    validate.experiment_name(new_name)

    def rename(connection: Connection) -> None:
        require_active_experiment(connection, number)
        experiments.rename(connection, number, new_name, now())

    await service.database.write(rename)
