"""POST headwater/runs/move."""

from headwater.server.rest.request import Request
from headwater.tracking.move_runs import move_runs
from headwater.tracking.service import TrackingService
from headwater.wire.move_runs import decode_move_runs, encode_moved_runs


async def handle(service: TrackingService, request: Request) -> bytes:
    """Move runs to another experiment."""
    asked = decode_move_runs(request.body)
    done = await move_runs(service, asked.run_ids, asked.experiment_id, children=asked.children)
    return encode_moved_runs(
        done.experiment_id, done.moved, done.unchanged, done.models, done.traces
    )
