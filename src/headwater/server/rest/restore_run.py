"""POST runs/restore."""

from headwater.server.rest.request import EMPTY_OBJECT, Request
from headwater.tracking.restore_run import restore_run
from headwater.tracking.service import TrackingService
from headwater.wire.run_entry import decode_run


async def handle(service: TrackingService, request: Request) -> bytes:
    """Restore a deleted run."""
    await restore_run(service, decode_run(request.body))
    return EMPTY_OBJECT
