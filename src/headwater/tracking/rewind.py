"""Delete points of a run: those after a step, or whole metrics."""

from collections.abc import Sequence

from headwater.errors import InvalidParameterError, NotServedError, StaleCompactionError
from headwater.storage.metadata.base import Connection
from headwater.storage.metrics.rewind import Rewound, apply_rewind, plan_rewind
from headwater.tracking import validate
from headwater.tracking.existing import require_active_run
from headwater.tracking.service import TrackingService

_ATTEMPTS = 5


async def rewind(
    service: TrackingService, run_id: str, keys: Sequence[str] | None, since: int
) -> list[Rewound]:
    """Delete the points at step `since` and later; of every metric where `keys` is None.

    MLflow's latest metrics become those of the points that are left. Returns the metrics that have
    changed.

    Raises:
        NotFoundError: there is no such run.
        InvalidParameterError: it is deleted, or the id is not one.
        StaleCompactionError: compactions got in the way each time; nothing was deleted.
    """
    try:
        validate.run_id(run_id)
        for _ in range(_ATTEMPTS - 1):
            try:
                return await _attempt(service, run_id, keys, since)
            except StaleCompactionError:
                continue
        return await _attempt(service, run_id, keys, since)
    except NotServedError as error:
        raise InvalidParameterError(f"Nothing was deleted: {error}") from error


async def _attempt(
    service: TrackingService, run_id: str, keys: Sequence[str] | None, since: int
) -> list[Rewound]:
    plan = await service.database.read(
        lambda connection: plan_rewind(connection, run_id, keys, since)
    )

    def apply(connection: Connection) -> list[Rewound]:
        require_active_run(connection, run_id)
        return apply_rewind(connection, plan)

    return await service.database.write(apply, long=True)
