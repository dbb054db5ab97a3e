"""Restore a deleted run."""

from headwater.storage.metadata import runs
from headwater.storage.metadata.base import Connection
from headwater.tracking import validate
from headwater.tracking.existing import run_not_found
from headwater.tracking.service import TrackingService


async def restore_run(service: TrackingService, run_id: str) -> None:
    """Mark a run active.

    Raises:
        NotFoundError: there is no such run.
    """
    validate.run_id(run_id)

    def restore(connection: Connection) -> None:
        if not runs.set_lifecycle(connection, run_id, runs.ACTIVE, None):
            raise run_not_found(run_id)

    await service.database.write(restore)
