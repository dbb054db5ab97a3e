"""The SearchRuns message."""

from typing import Literal

import msgspec

from headwater.entities.run import Run
from headwater.entities.search import Page
from headwater.wire.decode import decode
from headwater.wire.page_token import decode_offset, encode_offset
from headwater.wire.run import RunMessage, run_message
from headwater.wire.view_type import stages_of

_DEFAULT_PAGE = 1_000


class _SearchRuns(msgspec.Struct, forbid_unknown_fields=True):
    experiment_ids: list[str] | None = None
    filter: str | None = None
    run_view_type: Literal["ACTIVE_ONLY", "DELETED_ONLY", "ALL"] | None = None
    max_results: int = _DEFAULT_PAGE
    order_by: list[str] | None = None
    page_token: str | None = None


class _SearchRunsResponse(msgspec.Struct, omit_defaults=True):
    runs: list[RunMessage] = []
    next_page_token: str = ""


_DECODER = msgspec.json.Decoder(_SearchRuns)
_ENCODER = msgspec.json.Encoder()


class SearchRunsRequest(msgspec.Struct, frozen=True):
    """A request as sent, with MLflow's defaults."""

    experiment_ids: list[str]
    stages: tuple[str, ...]
    filter: str
    order_by: list[str]
    page: Page


def decode_search_runs(body: bytes) -> SearchRunsRequest:
    """Decode a SearchRuns request.

    Raises:
        NotServedError: the body is not an ordinary SearchRuns.
    """
    message = decode(_DECODER, body)
    return SearchRunsRequest(
        message.experiment_ids or [],
        stages_of(message.run_view_type or "ACTIVE_ONLY"),
        message.filter or "",
        message.order_by or [],
        Page(decode_offset(message.page_token or ""), message.max_results),
    )


def encode_search_runs(runs: list[Run], next_offset: int | None) -> bytes:
    """Return a page of runs; no field at all where there are none."""
    token = "" if next_offset is None else encode_offset(next_offset)
    return _ENCODER.encode(_SearchRunsResponse([run_message(run) for run in runs], token))
