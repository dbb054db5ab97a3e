"""POST runs/update."""

from headwater.server.rest.request import Request
from headwater.tracking.service import TrackingService
from headwater.tracking.update_run import update_run
from headwater.wire.update_run import decode_update_run, encode_update_run


async def handle(service: TrackingService, request: Request) -> bytes:
    """Change a run's status, end time or name."""
    return encode_update_run(await update_run(service, decode_update_run(request.body)))
