"""POST runs/create."""

from headwater.server.rest.request import Request
from headwater.tracking.create_run import create_run
from headwater.tracking.service import TrackingService
from headwater.wire.create_run import decode_create_run
from headwater.wire.run import encode_get_run


async def handle(service: TrackingService, request: Request) -> bytes:
    """Create a run."""
    run = await create_run(service, decode_create_run(request.body))
    return encode_get_run(run, outputs=False)
