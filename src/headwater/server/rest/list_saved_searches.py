"""GET headwater/saved-searches/list."""

from headwater.server.rest.request import Request
from headwater.tracking.list_saved_searches import list_saved_searches
from headwater.tracking.service import TrackingService
from headwater.wire.saved_search import decode_list_saved_searches, encode_saved_searches


async def handle(service: TrackingService, request: Request) -> bytes:
    """Answer with the saved searches of a place."""
    project, experiment_id = decode_list_saved_searches(request.query)
    return encode_saved_searches(await list_saved_searches(service, project, experiment_id))
