"""POST experiments/set-experiment-tag."""

from headwater.server.rest.request import EMPTY_OBJECT, Request
from headwater.tracking.service import TrackingService
from headwater.tracking.set_experiment_tag import set_experiment_tag
from headwater.wire.experiment_entry import decode_experiment_entry


async def handle(service: TrackingService, request: Request) -> bytes:
    """Set a tag of an experiment."""
    experiment_id, key, value = decode_experiment_entry(request.body)
    await set_experiment_tag(service, experiment_id, key, value)
    return EMPTY_OBJECT
