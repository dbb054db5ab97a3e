"""POST runs/log-batch."""

from headwater.server.rest.request import EMPTY_OBJECT, Request
from headwater.tracking.log_batch import log_batch
from headwater.tracking.service import TrackingService
from headwater.wire.log_batch import decode_log_batch


async def handle(service: TrackingService, request: Request) -> bytes:
    """Log points, params and tags into a run."""
    await log_batch(service, decode_log_batch(request.body))
    return EMPTY_OBJECT
