"""POST headwater/compare."""

from headwater.server.rest.request import Content, Request
from headwater.tracking.compare import compare
from headwater.tracking.service import TrackingService
from headwater.wire.compare import decode_compare, encode_verdict, wants_markdown
from headwater.wire.verdict_markdown import MARKDOWN_TYPE, to_markdown


async def handle(service: TrackingService, request: Request) -> bytes | Content:
    """Answer with a verdict on groups of runs: as JSON, or as Markdown where that is asked for."""
    verdict = await compare(service, decode_compare(request.body))
    if wants_markdown(request.headers):
        return Content(to_markdown(verdict).encode(), MARKDOWN_TYPE.encode())
    return encode_verdict(verdict)
