"""POST experiments/create."""

from headwater.server.rest.request import Request
from headwater.tracking.create_experiment import create_experiment
from headwater.tracking.service import TrackingService
from headwater.wire.create_experiment import decode_create_experiment, encode_create_experiment


async def handle(service: TrackingService, request: Request) -> bytes:
    """Create an experiment."""
    name, tags = decode_create_experiment(request.body)
    return encode_create_experiment(await create_experiment(service, name, tags))
