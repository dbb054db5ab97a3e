"""POST experiments/update."""

from headwater.server.rest.request import EMPTY_OBJECT, Request
from headwater.tracking.service import TrackingService
from headwater.tracking.update_experiment import update_experiment
from headwater.wire.update_experiment import decode_update_experiment


async def handle(service: TrackingService, request: Request) -> bytes:
    """Rename an experiment."""
    experiment_id, new_name = decode_update_experiment(request.body)
    await update_experiment(service, experiment_id, new_name)
    return EMPTY_OBJECT
