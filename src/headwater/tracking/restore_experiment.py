"""Restore a deleted experiment and its runs."""

from headwater.storage.metadata import experiments, runs
from headwater.storage.metadata.base import Connection
from headwater.tracking import validate
from headwater.tracking.clock import now
from headwater.tracking.existing import experiment_not_found
from headwater.tracking.service import TrackingService


async def restore_experiment(service: TrackingService, experiment_id: str) -> None:
    """Mark a deleted experiment and all its runs active.

    Raises:
        NotFoundError: there is no such deleted experiment.
    """
    number = validate.experiment_id(experiment_id)

    def restore(connection: Connection) -> None:
        found = experiments.lifecycle(connection, number)
        if found is None or found[0] != runs.DELETED:
            raise experiment_not_found(number)
        experiments.set_lifecycle(connection, number, runs.ACTIVE, now())
        runs.set_lifecycle_of_all(connection, number, runs.ACTIVE, None)

    await service.database.write(restore, long=True)  # as many rows as the experiment has runs
