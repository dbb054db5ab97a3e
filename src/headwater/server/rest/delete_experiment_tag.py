"""POST experiments/delete-experiment-tag."""

from headwater.server.rest.request import EMPTY_OBJECT, Request
from headwater.tracking.delete_experiment_tag import delete_experiment_tag
from headwater.tracking.service import TrackingService
from headwater.wire.experiment_entry import decode_experiment_key


async def handle(service: TrackingService, request: Request) -> bytes:
    """Delete a tag of an experiment."""
    experiment_id, key = decode_experiment_key(request.body)
    await delete_experiment_tag(service, experiment_id, key)
    return EMPTY_OBJECT
