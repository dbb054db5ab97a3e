"""GET headwater/metrics/series."""

import asyncio
import importlib
from collections.abc import Sequence

from headwater.server.rest.request import Content, Request
from headwater.tracking.metric_series import metric_series
from headwater.tracking.service import TrackingService
from headwater.wire.metric_series import (
    ARROW_TYPE,
    Axis,
    DrawnSeries,
    decode_series_request,
    encode_series,
)


async def handle(service: TrackingService, request: Request) -> bytes | Content:
    """Answer with many metrics of many runs for a chart."""
    accept = b",".join(value for name, value in request.headers if name == b"accept")
    wanted = decode_series_request(request.query, accept)
    found = await metric_series(service, wanted)
    if wanted.format == "json":
        return encode_series(wanted.axis, found)
    return await asyncio.to_thread(_arrow, wanted.axis, found)


def _arrow(axis: Axis, found: Sequence[DrawnSeries]) -> Content:
    # Loaded with the first such request: Arrow would make every server a third larger.
    arrow = importlib.import_module("headwater.wire.metric_series_arrow")
    return Content(arrow.encode_series_arrow(axis, found), ARROW_TYPE.encode())
