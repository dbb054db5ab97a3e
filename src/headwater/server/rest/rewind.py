"""POST headwater/metrics/rewind."""

from headwater.server.rest.request import Request
from headwater.tracking.rewind import rewind
from headwater.tracking.service import TrackingService
from headwater.wire.rewind import decode_rewind, encode_rewound


async def handle(service: TrackingService, request: Request) -> bytes:
    """Delete the points of a run after a step."""
    wanted = decode_rewind(request.body)
    return encode_rewound(
        await rewind(service, wanted.run_id, wanted.keys, since=wanted.after_step + 1)
    )
