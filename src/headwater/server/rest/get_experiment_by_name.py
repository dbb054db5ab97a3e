"""GET experiments/get-by-name."""

from headwater.server.rest.request import Request
from headwater.tracking.get_experiment_by_name import get_experiment_by_name
from headwater.tracking.service import TrackingService
from headwater.wire.experiment import encode_get_experiment
from headwater.wire.get_experiment import decode_get_experiment_by_name


async def handle(service: TrackingService, request: Request) -> bytes:
    """Answer with an experiment."""
    experiment = await get_experiment_by_name(service, decode_get_experiment_by_name(request.query))
    return encode_get_experiment(experiment, names_workspace=service.behaviour.names_workspace)
