"""GET headwater/quotas/list."""

from headwater.server.rest.request import Request
from headwater.tracking.list_quotas import UsedQuota, list_quotas
from headwater.tracking.service import TrackingService
from headwater.wire.quotas import QuotaMessage, decode_list_quotas, encode_quotas


async def handle(service: TrackingService, request: Request) -> bytes:
    """Answer with the limits of artifacts in a part of the tree of projects."""
    found = await list_quotas(service, decode_list_quotas(request.query))
    return encode_quotas([quota_message(each) for each in found])


def quota_message(found: UsedQuota) -> QuotaMessage:
    """Return the message of a limit."""
    quota = found.quota
    is_of_project = quota.experiment_id is None
    return QuotaMessage(
        quota.project,
        None if is_of_project else str(quota.experiment_id),
        None if is_of_project else quota.name,
        quota.limit,
        found.used,
    )
