"""POST headwater/runs/pareto."""

from headwater.server.rest.request import Request
from headwater.tracking.pareto import pareto
from headwater.tracking.service import TrackingService
from headwater.wire.pareto import decode_pareto, encode_pareto


async def handle(service: TrackingService, request: Request) -> bytes:
    """Answer which runs no other one beats in all objectives."""
    return encode_pareto(await pareto(service, decode_pareto(request.body)))
