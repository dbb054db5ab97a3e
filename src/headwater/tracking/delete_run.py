"""Delete a run, so that it can be restored."""

from headwater.errors import NotServedError
from headwater.storage.metadata import assessments, runs
from headwater.storage.metadata.base import Connection
from headwater.tracking import validate
from headwater.tracking.clock import now
from headwater.tracking.existing import run_not_found
from headwater.tracking.service import TrackingService


async def delete_run(service: TrackingService, run_id: str) -> None:
    """Mark a run deleted; one that is deleted already is deleted anew.

    Raises:
        NotFoundError: there is no such run.
        NotServedError: there are assessments, of which MLflow deletes those the run made.
    """
    validate.run_id(run_id)

    def delete(connection: Connection) -> None:
        if not runs.set_lifecycle(connection, run_id, runs.DELETED, now()):
            raise run_not_found(run_id)
        if assessments.exist(connection):
            raise NotServedError("deleting a run deletes its assessments")

    await service.database.write(delete)
