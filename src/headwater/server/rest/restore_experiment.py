"""POST experiments/restore."""

from headwater.server.rest.request import EMPTY_OBJECT, Request
from headwater.tracking.restore_experiment import restore_experiment
from headwater.tracking.service import TrackingService
from headwater.wire.experiment_entry import decode_experiment


async def handle(service: TrackingService, request: Request) -> bytes:
    """Restore a deleted experiment and its runs."""
    await restore_experiment(service, decode_experiment(request.body))
    return EMPTY_OBJECT
