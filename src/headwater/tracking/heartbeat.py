"""Note that the processes of runs are alive."""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.errors import InvalidParameterError, NotServedError
from headwater.storage.metadata import heartbeats, runs, tags
from headwater.storage.metadata.base import Connection
from headwater.tracking import clock, validate
from headwater.tracking.service import TrackingService

GOING_ON = frozenset({"RUNNING", "SCHEDULED"})


@dataclass(frozen=True, slots=True)
class Heard:
    """Which of the runs are running, and which have ended, are deleted or do not exist."""

    running: Sequence[str]
    not_running: Sequence[str]


async def heartbeat(service: TrackingService, run_ids: Sequence[str], lost_after: int) -> Heard:
    """Expect to hear of the runs again within `lost_after` milliseconds; 0 expects no more.

    A run that was taken for lost goes on.

    Raises:
        InvalidParameterError: an id is none.
    """
    wanted = plan_run_ids(run_ids)

    def beat(connection: Connection) -> Heard:
        heard = {run_id: _beat(connection, run_id, lost_after) for run_id in wanted}
        return Heard(
            [run_id for run_id, running in heard.items() if running],
            [run_id for run_id, running in heard.items() if not running],
        )

    return await service.database.write(beat)


def plan_run_ids(run_ids: Sequence[str]) -> list[str]:
    """Return the runs once each, in the order in which every writer takes them.

    Raises:
        InvalidParameterError: an id is none.
    """
    try:
        return sorted({validate.run_id(run_id) for run_id in run_ids})
    except NotServedError as error:
        raise InvalidParameterError(
            f"Invalid value for parameter 'run_ids': {str(error)[:200]}"
        ) from error


def _beat(connection: Connection, run_id: str, lost_after: int) -> bool:
    status = runs.locked_status(connection, run_id)
    if not lost_after:
        heartbeats.forget(connection, run_id)
        return status in GOING_ON
    if status == "FAILED" and tags.delete(connection, run_id, tags.FAILURE_REASON):
        runs.reopen(connection, run_id)
        status = "RUNNING"
    if status not in GOING_ON:
        heartbeats.forget(connection, run_id)
        return False
    heartbeats.beat(connection, run_id, clock.now(), lost_after)
    return True
