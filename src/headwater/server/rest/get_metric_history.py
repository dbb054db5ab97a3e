"""GET metrics/get-history."""

import numpy as np

from headwater.entities.metric import Series
from headwater.server.rest.request import Request
from headwater.tracking.get_metric_history import get_metric_history
from headwater.tracking.service import TrackingService
from headwater.wire.metric_history import decode_history_request, encode_history
from headwater.wire.page_token import encode_offset

_NO_POINTS = Series(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))


async def handle(service: TrackingService, request: Request) -> bytes:
    """Answer with a page of one metric's points."""
    wanted = decode_history_request(request.query)
    series, next_offset = await get_metric_history(
        service, wanted.run_id, wanted.key, wanted.offset, wanted.max_results
    )
    token = "" if next_offset is None else encode_offset(next_offset)
    return encode_history(wanted.key, series or _NO_POINTS, token)
