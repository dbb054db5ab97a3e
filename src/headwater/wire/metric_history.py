"""The messages that carry metric histories."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import numpy as np

from headwater.entities.metric import Float64s, Series
from headwater.errors import NotServedError
from headwater.wire.decode import decode_query, either_run_id
from headwater.wire.page_token import decode_offset

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_MOST_RUNS = 100
_LARGEST_BULK = 25_000
_LARGEST_SAMPLE = 2_500
_NAN_TEXT = "NaN"
_NAN_LITERAL = msgspec.Raw(b"NaN")


class _Point(msgspec.Struct, gc=False):
    key: str
    value: float | str | msgspec.Raw
    timestamp: int
    step: int


class _PointOfRun(msgspec.Struct, gc=False):
    key: str
    value: float | str | msgspec.Raw
    timestamp: int
    step: int
    run_id: str


class _History(msgspec.Struct, omit_defaults=True):
    metrics: list[_Point] = []
    next_page_token: str = ""


class _BulkHistory(msgspec.Struct):
    metrics: list[_PointOfRun]


class _IntervalHistory(msgspec.Struct, omit_defaults=True):
    metrics: list[_PointOfRun] = []


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """Which page of which metric's history is wanted."""

    run_id: str
    key: str
    offset: int
    max_results: int | None


@dataclass(frozen=True, slots=True)
class BulkHistoryRequest:
    """Of which runs the history of one metric is wanted, and how many points in all."""

    run_ids: list[str]
    key: str
    max_results: int


@dataclass(frozen=True, slots=True)
class IntervalHistoryRequest:
    """Of which runs a sample of one metric is wanted, and between which steps."""

    run_ids: list[str]
    key: str
    max_results: int
    steps: tuple[int, int] | None


def decode_history_request(query: bytes) -> HistoryRequest:
    """Decode the query of metrics/get-history."""
    values = decode_query(query)
    run_id = either_run_id(values.pop("run_id", None), values.pop("run_uuid", None))
    key, token = values.pop("metric_key", ""), values.pop("page_token", "")
    max_results = _integer(values.pop("max_results", None))
    _require_none_left(values)
    if not key or (max_results is not None and not 0 < max_results < 1 << 31):
        raise NotServedError("metric_key is missing or max_results out of range")
    return HistoryRequest(run_id, key, decode_offset(token), max_results)


def decode_bulk_history_request(query: bytes) -> BulkHistoryRequest:
    """Decode the query of metrics/get-history-bulk."""
    values = decode_query(query, repeated=frozenset({"run_id"}))
    run_ids, key = values.pop("run_id", []), values.pop("metric_key", None)
    max_results = _integer(values.pop("max_results", str(_LARGEST_BULK)))
    _require_none_left(values)
    if not 0 < len(run_ids) <= _MOST_RUNS or key is None or max_results is None or max_results < 0:
        raise NotServedError("run_id, metric_key or max_results is missing or out of range")
    return BulkHistoryRequest(run_ids, key, min(max_results, _LARGEST_BULK))


def decode_interval_history_request(query: bytes) -> IntervalHistoryRequest:
    """Decode the query of metrics/get-history-bulk-interval."""
    values = decode_query(query, repeated=frozenset({"run_ids"}))
    run_ids, key = values.pop("run_ids", []), values.pop("metric_key", "")
    max_results = _integer(values.pop("max_results", str(_LARGEST_SAMPLE)))
    start = _integer(values.pop("start_step", None))
    end = _integer(values.pop("end_step", None))
    _require_none_left(values)
    if not 0 < len(run_ids) <= _MOST_RUNS or not key:
        raise NotServedError("run_ids or metric_key is missing, or too many run_ids")
    if max_results is None or not 0 < max_results <= _LARGEST_SAMPLE:
        raise NotServedError("max_results is out of range")
    if (start is None) != (end is None):
        raise NotServedError("one of start_step and end_step is missing")
    steps = None if start is None or end is None else (start, end)
    if steps is not None and not -(1 << 31) <= steps[0] <= steps[1] < 1 << 31:
        raise NotServedError("start_step and end_step are out of order or range")
    return IntervalHistoryRequest(run_ids, key, max_results, steps)


def encode_history(key: str, series: Series, next_page_token: str) -> bytes:
    """Encode the response of metrics/get-history."""
    points = [
        _Point(key, value, timestamp, step)
        for value, timestamp, step in zip(
            _json_values(series.values, _NAN_TEXT),
            series.timestamps.tolist(),
            series.steps.tolist(),
            strict=True,
        )
    ]
    return msgspec.json.encode(_History(points, next_page_token))


def encode_bulk_history(key: str, histories: Iterable[tuple[str, Series]]) -> bytes:
    """Encode the response of metrics/get-history-bulk, where MLflow spells NaN as a literal."""
    return msgspec.json.encode(_BulkHistory(_points_of_runs(key, histories, _NAN_LITERAL)))


def encode_interval_history(key: str, histories: Iterable[tuple[str, Series]]) -> bytes:
    """Encode the response of metrics/get-history-bulk-interval."""
    return msgspec.json.encode(_IntervalHistory(_points_of_runs(key, histories, _NAN_TEXT)))


def _points_of_runs(
    key: str, histories: Iterable[tuple[str, Series]], nan: str | msgspec.Raw
) -> list[_PointOfRun]:
    return [
        _PointOfRun(key, value, timestamp, step, run_id)
        for run_id, series in histories
        for value, timestamp, step in zip(
            _json_values(series.values, nan),
            series.timestamps.tolist(),
            series.steps.tolist(),
            strict=True,
        )
    ]


def _json_values(values: Float64s, nan: str | msgspec.Raw) -> list[float | str | msgspec.Raw]:
    numbers: list[float | str | msgspec.Raw] = values.tolist()
    for position in np.flatnonzero(np.isnan(values)).tolist():
        numbers[position] = nan
    return numbers


def _integer(text: str | None) -> int | None:
    if text is None:
        return None
    if _INTEGER.fullmatch(text) is None:
        raise NotServedError(f"an unusual number: {text[:100]!r}")
    return int(text)


def _require_none_left(values: dict[str, object]) -> None:
    if values:
        raise NotServedError(f"unknown parameters: {', '.join(values)}")
