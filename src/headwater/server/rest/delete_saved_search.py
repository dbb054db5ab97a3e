"""POST headwater/saved-searches/delete."""

from headwater.server.rest.request import EMPTY_OBJECT, Request
from headwater.tracking.delete_saved_search import delete_saved_search
from headwater.tracking.service import TrackingService
from headwater.wire.saved_search import decode_delete_saved_search


async def handle(service: TrackingService, request: Request) -> bytes:
    """Delete a saved search."""
    await delete_saved_search(service, decode_delete_saved_search(request.body))
    return EMPTY_OBJECT
