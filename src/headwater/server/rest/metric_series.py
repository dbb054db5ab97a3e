"""GET headwater/metrics/series."""

from headwater.server.rest.request import Request
from headwater.tracking.metric_series import metric_series
from headwater.tracking.service import TrackingService
from headwater.wire.metric_series import decode_series_request, encode_series


async def handle(service: TrackingService, request: Request) -> bytes:
    """Answer with many metrics of many runs for a chart."""
    wanted = decode_series_request(request.query)
    return encode_series(wanted.axis, await metric_series(service, wanted))
