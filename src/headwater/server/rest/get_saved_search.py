"""GET headwater/saved-searches/get."""

from headwater.server.rest.request import Request
from headwater.tracking.get_saved_search import get_saved_search
from headwater.tracking.service import TrackingService
from headwater.wire.saved_search import decode_get_saved_search, encode_saved_search


async def handle(service: TrackingService, request: Request) -> bytes:
    """Answer with a saved search."""
    search_id = decode_get_saved_search(request.query)
    return encode_saved_search(await get_saved_search(service, search_id))
