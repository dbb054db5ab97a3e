"""Delete an experiment and its runs, so that they can be restored."""

from headwater.errors import NotServedError
from headwater.storage.metadata import assessments, experiments, runs
from headwater.storage.metadata.base import Connection
from headwater.tracking import validate
from headwater.tracking.clock import now
from headwater.tracking.existing import experiment_not_found
from headwater.tracking.service import TrackingService


async def delete_experiment(service: TrackingService, experiment_id: str) -> None:
    """Mark an active experiment and all its runs deleted.

    Raises:
        NotFoundError: there is no such active experiment.
        NotServedError: there are assessments, of which MLflow deletes those the runs made.
    """
    number = validate.experiment_id(experiment_id)

    def delete(connection: Connection) -> None:
        found = experiments.lifecycle(connection, number)
        if found is None or found[0] != runs.ACTIVE:
            raise experiment_not_found(number)
        if assessments.exist(connection):
            raise NotServedError("deleting a run deletes its assessments")
        moment = now()
        experiments.set_lifecycle(connection, number, runs.DELETED, moment)
        runs.set_lifecycle_of_all(connection, number, runs.DELETED, moment)

    await service.database.write(delete, long=True)  # as many rows as the experiment has runs
