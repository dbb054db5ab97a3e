"""Change a run's status, end time or name."""

from headwater.entities.run import RunInfo
from headwater.errors import NotServedError
from headwater.storage.metadata import runs
from headwater.storage.metadata.base import Connection
from headwater.tracking import validate
from headwater.tracking.existing import require_active_run
from headwater.tracking.service import TrackingService
from headwater.wire.update_run import UpdateRun

ENDED = frozenset({"FINISHED", "FAILED", "KILLED"})


async def update_run(service: TrackingService, changes: UpdateRun) -> RunInfo:
    """Apply the changes to an active run and return its info; an empty name is no change.

    Raises:
        NotFoundError: there is no such run.
        NotServedError: it is deleted, or its row is not as MLflow writes it today.
    """
    run_id = validate.run_id(changes.run_id)

    def update(connection: Connection) -> RunInfo:
        require_active_run(connection, run_id)
        if changes.status is not None or changes.end_time is not None:
            runs.update(connection, run_id, changes.status, changes.end_time)
        if changes.run_name:
            runs.rename(connection, run_id, changes.run_name)
        info = runs.info(connection, run_id)
        assert info is not None
        required = (info.name, info.experiment_id, info.user_id, info.status, info.start_time)
        if None in required or not info.name:
            raise NotServedError(f"run {run_id} lacks a column that MLflow requires")
        return info

    info = await service.database.write(update)
    if info.status in ENDED:
        service.metrics.run_ended(run_id)
    return info
