"""GET runs/get."""

from headwater.server.rest.request import Request
from headwater.tracking.get_run import get_run
from headwater.tracking.service import TrackingService
from headwater.wire.get_run import decode_get_run
from headwater.wire.run import encode_get_run


async def handle(service: TrackingService, request: Request) -> bytes:
    """Answer with a run."""
    return encode_get_run(await get_run(service, decode_get_run(request.query)))
