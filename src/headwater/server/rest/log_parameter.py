"""POST runs/log-parameter."""

from headwater.server.rest.request import EMPTY_OBJECT, Request
from headwater.tracking.log_parameter import log_parameter
from headwater.tracking.service import TrackingService
from headwater.wire.run_entry import decode_run_entry


async def handle(service: TrackingService, request: Request) -> bytes:
    """Log a parameter of a run."""
    run_id, key, value = decode_run_entry(request.body)
    await log_parameter(service, run_id, key, value)
    return EMPTY_OBJECT
