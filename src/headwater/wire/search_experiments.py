"""The SearchExperiments message, as a body or as a query."""

from typing import Literal

import msgspec

from headwater.entities.experiment import Experiment
from headwater.entities.search import Page
from headwater.errors import NotServedError
from headwater.wire.decode import decode, decode_query
from headwater.wire.experiment import ExperimentMessage, experiment_message
from headwater.wire.page_token import decode_offset, encode_offset
from headwater.wire.view_type import stages_of


class _SearchExperiments(msgspec.Struct, forbid_unknown_fields=True):
    max_results: int
    view_type: Literal["ACTIVE_ONLY", "DELETED_ONLY", "ALL"] | None = None
    filter: str | None = None
    order_by: list[str] | None = None
    page_token: str | None = None


class _SearchExperimentsResponse(msgspec.Struct, omit_defaults=True):
    experiments: list[ExperimentMessage] = []
    next_page_token: str = ""


_DECODER = msgspec.json.Decoder(_SearchExperiments)
_ENCODER = msgspec.json.Encoder()
_FIELDS = frozenset(_SearchExperiments.__struct_fields__)


class SearchExperimentsRequest(msgspec.Struct, frozen=True):
    """A request as sent, with MLflow's defaults; it has none for the size of a page."""

    stages: tuple[str, ...]
    filter: str
    order_by: list[str]
    page: Page


def decode_search_experiments_body(body: bytes) -> SearchExperimentsRequest:
    """Decode a SearchExperiments request sent as a body.

    Raises:
        NotServedError: the body is not an ordinary SearchExperiments.
    """
    return _request(decode(_DECODER, body))


def decode_search_experiments_query(query: bytes) -> SearchExperimentsRequest:
    """Decode a SearchExperiments request sent as a query.

    Raises:
        NotServedError: the query is not an ordinary SearchExperiments.
    """
    values = decode_query(query, repeated=frozenset({"order_by"}))
    max_results = values.get("max_results", "")
    if not _FIELDS.issuperset(values) or not (max_results.isascii() and max_results.isdigit()):
        raise NotServedError("an unusual query")
    values["max_results"] = int(max_results[:18])
    try:
        return _request(msgspec.convert(values, _SearchExperiments))
    except msgspec.ValidationError as error:
        raise NotServedError(str(error)) from error


def encode_search_experiments(
    experiments: list[Experiment], next_offset: int | None, *, names_workspace: bool
) -> bytes:
    """Return a page of experiments; no field at all where there are none."""
    messages = [
        experiment_message(experiment, names_workspace=names_workspace)
        for experiment in experiments
    ]
    token = "" if next_offset is None else encode_offset(next_offset)
    return _ENCODER.encode(_SearchExperimentsResponse(messages, token))


def _request(message: _SearchExperiments) -> SearchExperimentsRequest:
    return SearchExperimentsRequest(
        stages_of(message.view_type or "ACTIVE_ONLY"),
        message.filter or "",
        message.order_by or [],
        Page(decode_offset(message.page_token or ""), message.max_results),
    )
