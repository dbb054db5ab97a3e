"""POST runs/delete-tag."""

from headwater.server.rest.request import EMPTY_OBJECT, Request
from headwater.tracking.delete_tag import delete_tag
from headwater.tracking.service import TrackingService
from headwater.wire.run_entry import decode_run_key


async def handle(service: TrackingService, request: Request) -> bytes:
    """Delete a tag of a run."""
    run_id, key = decode_run_key(request.body)
    await delete_tag(service, run_id, key)
    return EMPTY_OBJECT
