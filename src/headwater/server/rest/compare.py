"""POST headwater/compare."""

from headwater.server.rest.request import Request
from headwater.tracking.compare import compare
from headwater.tracking.service import TrackingService
from headwater.wire.compare import decode_compare, encode_verdict


async def handle(service: TrackingService, request: Request) -> bytes:
    """Answer with a verdict on groups of runs."""
    return encode_verdict(await compare(service, decode_compare(request.body)))
