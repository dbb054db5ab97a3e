"""GET headwater/metrics/ranks."""

from headwater.server.rest.request import Request
from headwater.tracking.metric_ranks import metric_ranks
from headwater.tracking.service import TrackingService
from headwater.wire.metric_ranks import decode_ranks_request, encode_ranks


async def handle(service: TrackingService, request: Request) -> bytes:
    """Answer with a metric of a run, aggregated over the ranks that logged it."""
    wanted = decode_ranks_request(request.query)
    return encode_ranks(await metric_ranks(service, wanted))
