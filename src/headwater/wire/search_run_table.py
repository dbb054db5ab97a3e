"""The messages of headwater/runs/search."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any, Literal

import msgspec

from headwater.entities.run_table import Column, RunTable, TablePlace
from headwater.errors import InvalidParameterError
from headwater.wire.own_request import decode_body
from headwater.wire.table_token import FIRST, decode_place, encode_place, fingerprint
from headwater.wire.view_type import stages_of

Format = Literal["json", "arrow", "csv"]

ARROW_TYPE = "application/vnd.apache.arrow.stream"
CSV_TYPE = "text/csv; charset=utf-8"
MOST_EXPERIMENTS = 10_000
MOST_COLUMNS = 1_000
MOST_BINS = 1_000


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    experiment_ids: list[str] = []
    experiment_names: list[str] = []
    filter: str = ""
    order_by: list[str] = []
    run_view_type: Literal["ACTIVE_ONLY", "DELETED_ONLY", "ALL"] = "ACTIVE_ONLY"
    attributes: list[str] = msgspec.field(default_factory=lambda: ["run_id"])
    metrics: list[str] = []
    params: list[str] = []
    tags: list[str] = []
    group_by: list[str] = []
    aggregates: list[str] = []
    distinct: str | None = None
    histogram: str | None = None
    bins: int = 20
    count: bool = False
    max_results: int | None = None
    page_token: str = ""
    format: Format = "json"


class _Answer(msgspec.Struct, omit_defaults=True):
    columns: dict[str, Sequence[Any]]
    rows: int
    total: int | None = None
    facts: dict[str, int] | None = None
    next_page_token: str = ""
    previous_page_token: str = ""


@dataclass(frozen=True, slots=True)
class TableQuery:
    """What a request asks for, in its own words."""

    experiment_ids: Sequence[str]
    stages: tuple[str, ...]
    filter: str
    order_by: Sequence[str]
    attributes: Sequence[str]
    metrics: Sequence[str]
    params: Sequence[str]
    tags: Sequence[str]
    group_by: Sequence[str]
    aggregates: Sequence[str]
    histogram: str | None
    bins: int
    count: bool
    max_results: int | None
    place: TablePlace = FIRST


@dataclass(frozen=True, slots=True)
class TableRequest:
    """A decoded request."""

    query: TableQuery
    experiment_names: Sequence[str]
    format: Format
    search: str
    """The `fingerprint` that its page tokens have."""


_DECODER = msgspec.json.Decoder(_Message)


def decode_search_run_table(body: bytes) -> TableRequest:
    """Decode the body of runs/search.

    Raises:
        InvalidParameterError: it is not a well-formed request.
    """
    message = decode_body(_DECODER, body)
    _check(message)
    group_by, aggregates = message.group_by, message.aggregates
    if message.distinct is not None:
        group_by, aggregates = [message.distinct], ["count"]
    search = fingerprint(
        sorted(set(message.experiment_ids)),
        sorted(set(message.experiment_names)),
        message.run_view_type,
        message.filter,
        message.order_by,
        group_by,
        aggregates,
    )
    query = TableQuery(
        message.experiment_ids,
        stages_of(message.run_view_type),
        message.filter,
        message.order_by,
        _once(message.attributes),
        _once(message.metrics),
        _once(message.params),
        _once(message.tags),
        _once(group_by),
        _once(aggregates),
        message.histogram,
        message.bins,
        message.count,
        message.max_results,
        decode_place(message.page_token, search),
    )
    return TableRequest(query, message.experiment_names, message.format, search)


def _once(keys: Sequence[str]) -> Sequence[str]:
    return list(dict.fromkeys(keys))


def _check(message: _Message) -> None:
    named = len(message.experiment_ids) + len(message.experiment_names)
    if not 1 <= named <= MOST_EXPERIMENTS:
        raise InvalidParameterError(
            "Missing value for required parameter 'experiment_ids': name 1 to "
            f"{MOST_EXPERIMENTS:,} experiments there or in 'experiment_names'"
        )
    columns = sum(map(len, (message.attributes, message.metrics, message.params, message.tags)))
    columns = max(columns, len(message.group_by) + len(message.aggregates))
    if columns > MOST_COLUMNS:
        raise InvalidParameterError(f"More than {MOST_COLUMNS:,} columns; ask in several requests")
    if not 1 <= message.bins <= MOST_BINS:
        raise InvalidParameterError(
            f"Invalid value for parameter 'bins': {message.bins} is not between 1 and {MOST_BINS:,}"
        )
    kinds = [
        bool(message.group_by or message.aggregates),
        message.distinct is not None,
        message.histogram is not None,
    ]
    if sum(kinds) > 1:
        raise InvalidParameterError(
            "Only one of 'group_by' with 'aggregates', 'distinct' and 'histogram' may be given; "
            "ask for the others in requests of their own"
        )
    if any(kinds) and (message.order_by or message.count):
        raise InvalidParameterError(
            "Parameters 'order_by' and 'count' are for rows of runs; leave them out here"
        )


def encode_run_table(table: RunTable, search: str) -> bytes:
    """Encode a table column by column; a NaN is the text ``NaN``, as in MLflow's messages.

    `search` is `TableRequest`'s.
    """
    return msgspec.json.encode(
        _Answer(
            {column.name: _plain(column) for column in table.columns},
            table.rows,
            table.total,
            table.facts or None,
            encode_place(table.next, search),
            encode_place(table.previous, search),
        )
    )


def encode_run_table_csv(table: RunTable) -> bytes:
    """Encode a table as CSV with a head; what is missing is empty, times are milliseconds."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(column.name for column in table.columns)
    writer.writerows(zip(*map(_plain, table.columns), strict=True))
    return text.getvalue().encode()


def table_facts(table: RunTable, search: str) -> Mapping[bytes, bytes]:
    """Return what is beside the columns, for formats with a place for it; `search` as above."""
    facts = {
        b"total": "" if table.total is None else str(table.total),
        b"next_page_token": encode_place(table.next, search),
        b"previous_page_token": encode_place(table.previous, search),
        b"facts": json.dumps(table.facts) if table.facts else "",
    }
    return {name: text.encode() for name, text in facts.items() if text}


def _plain(column: Column) -> Sequence[Any]:
    if column.kind != "number":
        return column.values
    return ["NaN" if value is not None and isnan(value) else value for value in column.values]
