"""POST headwater/saved-searches/update."""

from headwater.server.rest.request import Request
from headwater.tracking.service import TrackingService
from headwater.tracking.update_saved_search import update_saved_search
from headwater.wire.saved_search import decode_update_saved_search, encode_saved_search


async def handle(service: TrackingService, request: Request) -> bytes:
    """Change a saved search."""
    asked = decode_update_saved_search(request.body)
    return encode_saved_search(
        await update_saved_search(
            service, asked.search_id, asked.name, asked.filter, asked.order_by, asked.columns
        )
    )
