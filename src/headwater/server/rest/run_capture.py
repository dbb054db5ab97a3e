"""GET headwater/runs/capture and headwater/runs/diff."""

from headwater.server.rest.request import Content, Request
from headwater.tracking.run_capture import run_capture, run_diff
from headwater.tracking.service import TrackingService
from headwater.wire.run_capture import (
    decode_capture_request,
    decode_diff_request,
    encode_captures,
)

_PATCH = b"text/x-diff"


async def handle(service: TrackingService, request: Request) -> bytes:
    """Answer with what the processes of a run have told of themselves."""
    found = await run_capture(service, decode_capture_request(request.query))
    return encode_captures((each.rank, each.captured) for each in found)


async def handle_diff(service: TrackingService, request: Request) -> Content:
    """Answer with the difference of a rank's working tree to its commit."""
    return Content(await run_diff(service, *decode_diff_request(request.query)), _PATCH)
