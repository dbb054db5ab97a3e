"""POST runs/search."""

from headwater.server.rest.request import Request
from headwater.tracking.clock import now
from headwater.tracking.search_runs import plan_search_runs, search_runs
from headwater.tracking.service import TrackingService
from headwater.wire.search_runs import decode_search_runs, encode_search_runs


async def handle(service: TrackingService, request: Request) -> bytes:
    """Answer with a page of runs."""
    asked = decode_search_runs(request.body)
    search = plan_search_runs(
        asked.experiment_ids,
        asked.stages,
        asked.filter,
        asked.order_by,
        asked.page,
        service.behaviour,
        now(),
    )
    found = await search_runs(service, search)
    return encode_search_runs(found.runs, found.next_offset)
