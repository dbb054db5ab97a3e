"""POST headwater/metrics/delete."""

from headwater.server.rest.request import Request
from headwater.tracking.delete_metrics import delete_metrics
from headwater.tracking.service import TrackingService
from headwater.wire.rewind import decode_delete_metrics, encode_rewound


async def handle(service: TrackingService, request: Request) -> bytes:
    """Delete metrics of a run."""
    wanted = decode_delete_metrics(request.body)
    return encode_rewound(await delete_metrics(service, wanted.run_id, wanted.keys))
