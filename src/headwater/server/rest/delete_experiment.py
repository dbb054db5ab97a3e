"""POST experiments/delete."""

from headwater.server.rest.request import EMPTY_OBJECT, Request
from headwater.tracking.delete_experiment import delete_experiment
from headwater.tracking.service import TrackingService
from headwater.wire.experiment_entry import decode_experiment


async def handle(service: TrackingService, request: Request) -> bytes:
    """Delete an experiment and its runs."""
    await delete_experiment(service, decode_experiment(request.body))
    return EMPTY_OBJECT
