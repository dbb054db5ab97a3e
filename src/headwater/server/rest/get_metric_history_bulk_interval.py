"""GET metrics/get-history-bulk-interval."""

from headwater.server.rest.request import Request
from headwater.tracking.get_metric_history_bulk_interval import get_metric_history_bulk_interval
from headwater.tracking.service import TrackingService
from headwater.wire.metric_history import (
    decode_interval_history_request,
    encode_interval_history,
)


async def handle(service: TrackingService, request: Request) -> bytes:
    """Answer with a sample of one metric of several runs."""
    wanted = decode_interval_history_request(request.query)
    histories = await get_metric_history_bulk_interval(
        service, wanted.run_ids, wanted.key, wanted.max_results, wanted.steps
    )
    return encode_interval_history(wanted.key, histories)
