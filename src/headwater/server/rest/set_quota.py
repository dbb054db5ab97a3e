"""POST headwater/quotas/set."""

from headwater.server.rest.request import Request
from headwater.tracking.service import TrackingService
from headwater.tracking.set_quota import set_experiment_quota, set_project_quota
from headwater.wire.quotas import decode_set_quota


async def handle(service: TrackingService, request: Request) -> bytes:
    """Limit the artifacts of a project or an experiment."""
    asked = decode_set_quota(request.body)
    if asked.project is not None:
        await set_project_quota(service, asked.project, asked.limit)
    else:
        await set_experiment_quota(service, int(asked.experiment_id or ""), asked.limit)
    return b"{}"
