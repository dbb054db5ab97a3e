"""POST runs/set-tag."""

from headwater.server.rest.request import EMPTY_OBJECT, Request
from headwater.tracking.service import TrackingService
from headwater.tracking.set_tag import set_tag
from headwater.wire.run_entry import decode_run_entry


async def handle(service: TrackingService, request: Request) -> bytes:
    """Set a tag of a run."""
    run_id, key, value = decode_run_entry(request.body)
    await set_tag(service, run_id, key, value)
    return EMPTY_OBJECT
