"""POST headwater/saved-searches/create."""

from headwater.server.rest.request import Request
from headwater.tracking.create_saved_search import create_saved_search
from headwater.tracking.service import TrackingService
from headwater.wire.saved_search import decode_create_saved_search, encode_saved_search


async def handle(service: TrackingService, request: Request) -> bytes:
    """Save a search."""
    asked = decode_create_saved_search(request.body)
    return encode_saved_search(
        await create_saved_search(
            service,
            asked.name,
            asked.project,
            asked.experiment_id,
            asked.filter,
            asked.order_by,
            asked.columns,
        )
    )
