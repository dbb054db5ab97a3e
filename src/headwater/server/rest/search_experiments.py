"""POST or GET experiments/search."""

from headwater.server.rest.request import Request
from headwater.tracking.clock import now
from headwater.tracking.search_experiments import plan_search_experiments, search_experiments
from headwater.tracking.service import TrackingService
from headwater.wire.search_experiments import (
    decode_search_experiments_body,
    decode_search_experiments_query,
    encode_search_experiments,
)


async def handle(service: TrackingService, request: Request) -> bytes:
    """Answer with a page of experiments."""
    if request.method == "GET":
        asked = decode_search_experiments_query(request.query)
    else:
        asked = decode_search_experiments_body(request.body)
    search = plan_search_experiments(
        asked.stages, asked.filter, asked.order_by, asked.page, service.behaviour, now()
    )
    found = await search_experiments(service, search)
    return encode_search_experiments(
        found.experiments,
        found.next_offset,
        names_workspace=service.behaviour.names_workspace,
    )
