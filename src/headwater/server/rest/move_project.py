"""POST headwater/projects/move."""

from headwater.server.rest.request import Request
from headwater.tracking.move_project import move_project
from headwater.tracking.service import TrackingService
from headwater.wire.move_project import decode_move_project, encode_moved_project


async def handle(service: TrackingService, request: Request) -> bytes:
    """Move a project with all that is below it."""
    asked = decode_move_project(request.body)
    done = await move_project(service, asked.path, asked.to)
    return encode_moved_project(done.path, done.to, done.experiments, done.saved_searches)
