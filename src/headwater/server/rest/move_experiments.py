"""POST headwater/experiments/move."""

from headwater.server.rest.request import Request
from headwater.tracking.move_experiments import move_experiments
from headwater.tracking.service import TrackingService
from headwater.wire.move_experiments import decode_move_experiments, encode_moved_experiments


async def handle(service: TrackingService, request: Request) -> bytes:
    """Move experiments to a project."""
    asked = decode_move_experiments(request.body)
    done = await move_experiments(service, asked.experiment_ids, asked.project)
    return encode_moved_experiments(done.project, done.experiment_ids)
