"""POST runs/log-metric."""

from headwater.server.rest.request import EMPTY_OBJECT, Request
from headwater.tracking.log_metric import log_metric
from headwater.tracking.service import TrackingService
from headwater.wire.log_metric import decode_log_metric


async def handle(service: TrackingService, request: Request) -> bytes:
    """Log one point into a run."""
    run_id, metric = decode_log_metric(request.body)
    await log_metric(service, run_id, metric)
    return EMPTY_OBJECT
