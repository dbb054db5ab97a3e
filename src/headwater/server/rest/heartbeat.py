"""POST headwater/runs/heartbeat."""

from headwater.server.rest.request import Request
from headwater.tracking.heartbeat import heartbeat
from headwater.tracking.service import TrackingService
from headwater.wire.heartbeat import decode_heartbeat, encode_heartbeat


async def handle(service: TrackingService, request: Request) -> bytes:
    """Note that the processes of runs are alive."""
    wanted = decode_heartbeat(request.body)
    heard = await heartbeat(service, wanted.run_ids, wanted.lost_after)
    return encode_heartbeat(heard.running, heard.not_running)
