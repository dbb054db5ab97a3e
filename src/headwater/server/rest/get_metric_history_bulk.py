"""GET metrics/get-history-bulk."""

from headwater.server.rest.request import Request
from headwater.tracking.get_metric_history_bulk import get_metric_history_bulk
from headwater.tracking.service import TrackingService
from headwater.wire.metric_history import decode_bulk_history_request, encode_bulk_history


async def handle(service: TrackingService, request: Request) -> bytes:
    """Answer with the points of one metric of several runs."""
    wanted = decode_bulk_history_request(request.query)
    histories = await get_metric_history_bulk(
        service, wanted.run_ids, wanted.key, wanted.max_results
    )
    return encode_bulk_history(wanted.key, histories)
