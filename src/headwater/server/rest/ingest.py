"""POST and GET headwater/metrics/ingest."""

import asyncio

from headwater.server.rest.request import Request
from headwater.tracking.ingest import IngestPlan, ingest, ingest_position, plan_ingest
from headwater.tracking.service import TrackingService
from headwater.wire.ingest import (
    decode_frame,
    decode_position_request,
    encode_ingested,
    encode_position,
)

_BRIEF = 64 * 1024
"""Bytes of a body that decode in less time than a change of threads takes."""


async def handle(service: TrackingService, request: Request) -> bytes:
    """Store a frame of points."""
    encoding = dict(request.headers).get(b"content-encoding", b"").decode("latin-1").lower()
    if len(request.body) > _BRIEF or encoding:
        frame = await asyncio.to_thread(_planned, request.body, encoding)
    else:
        frame = _planned(request.body, encoding)
    return encode_ingested(await ingest(service, frame))


async def handle_position(service: TrackingService, request: Request) -> bytes:
    """Answer with the sequence of a client's last stored frame."""
    client_id = decode_position_request(request.query)
    return encode_position(client_id, await ingest_position(service, client_id))


def _planned(body: bytes, encoding: str) -> IngestPlan:
    return plan_ingest(decode_frame(body, encoding))
