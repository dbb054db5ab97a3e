"""POST headwater/runs/fail."""

from headwater.server.rest.request import Request
from headwater.tracking.fail_runs import fail_runs
from headwater.tracking.service import TrackingService
from headwater.wire.fail_runs import decode_fail_runs, encode_failed_runs


async def handle(service: TrackingService, request: Request) -> bytes:
    """Mark runs as failed whose processes are gone."""
    wanted = decode_fail_runs(request.body)
    return encode_failed_runs(
        await fail_runs(service, wanted.run_ids, wanted.reason, wanted.end_time)
    )
