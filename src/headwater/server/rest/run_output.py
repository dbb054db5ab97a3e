"""GET headwater/runs/output."""

import msgspec

from headwater.server.rest.request import Request
from headwater.tracking.run_output import run_output
from headwater.tracking.service import TrackingService
from headwater.wire.run_output import decode_output_request


async def handle(service: TrackingService, request: Request) -> bytes:
    """Answer with a part of what a rank of a run has printed."""
    return msgspec.json.encode(await run_output(service, decode_output_request(request.query)))
