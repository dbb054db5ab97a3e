"""POST runs/delete."""

from headwater.server.rest.request import EMPTY_OBJECT, Request
from headwater.tracking.delete_run import delete_run
from headwater.tracking.service import TrackingService
from headwater.wire.run_entry import decode_run


async def handle(service: TrackingService, request: Request) -> bytes:
    """Delete a run."""
    await delete_run(service, decode_run(request.body))
    return EMPTY_OBJECT
