"""Mark runs as failed whose processes are gone."""

from collections.abc import Sequence

from headwater.storage.metadata import heartbeats, runs, tags
from headwater.storage.metadata.base import Connection
from headwater.tracking import validate
from headwater.tracking.heartbeat import GOING_ON, plan_run_ids
from headwater.tracking.service import TrackingService


async def fail_runs(
    service: TrackingService, run_ids: Sequence[str], reason: str, end_time: int
) -> list[str]:
    """Mark those of the runs as failed that have not ended, and return them.

    `end_time` is in milliseconds since the epoch; `reason` becomes their tag
    ``headwater.failure_reason``.

    Raises:
        InvalidParameterError: an id is none.
    """
    wanted = plan_run_ids(run_ids)
    failed = await service.database.write(
        lambda connection: [
            run_id for run_id in wanted if fail_run(connection, run_id, reason, end_time)
        ]
    )
    for run_id in failed:
        service.metrics.run_ended(run_id)
    return failed


def fail_run(connection: Connection, run_id: str, reason: str, end_time: int) -> bool:
    """Mark a run as failed unless it has ended, and say whether it was so."""
    status = runs.locked_status(connection, run_id)
    heartbeats.forget(connection, run_id)
    if status not in GOING_ON:
        return False
    runs.update(connection, run_id, "FAILED", end_time)
    text = reason[: validate.MAX_TAG_VALUE_LENGTH]
    tags.upsert(connection, run_id, [(tags.FAILURE_REASON, text)])
    return True
