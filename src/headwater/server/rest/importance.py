"""POST headwater/params/importance."""

from headwater.server.rest.request import Request
from headwater.tracking.importance import importance
from headwater.tracking.service import TrackingService
from headwater.wire.importance import decode_importance, encode_importance


async def handle(service: TrackingService, request: Request) -> bytes:
    """Answer which params matter for a metric."""
    return encode_importance(await importance(service, decode_importance(request.body)))
