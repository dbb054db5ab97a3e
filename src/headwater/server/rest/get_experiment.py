"""GET experiments/get."""

from headwater.server.rest.request import Request
from headwater.tracking.get_experiment import get_experiment
from headwater.tracking.service import TrackingService
from headwater.wire.experiment import encode_get_experiment
from headwater.wire.get_experiment import decode_get_experiment


async def handle(service: TrackingService, request: Request) -> bytes:
    """Answer with an experiment."""
    experiment = await get_experiment(service, decode_get_experiment(request.query))
    return encode_get_experiment(experiment, names_workspace=service.behaviour.names_workspace)
