"""The messages of headwater/metrics/series."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs

import msgspec

from headwater.entities.metric import Series
from headwater.errors import InvalidParameterError

Axis = Literal["step", "time"]

Format = Literal["json", "arrow"]

ARROW_TYPE = "application/vnd.apache.arrow.stream"

MOST_RUNS = 100
MOST_KEYS = 100
MOST_SERIES = 1_000
FEWEST_POINTS = 4
MOST_POINTS = 10_000
_DEFAULT_POINTS = 1_000
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_INT64 = range(-(1 << 63), 1 << 63)
_NAMES = ("run_id", "key", "axis", "start", "end", "points", "format")


@dataclass(frozen=True, slots=True)
class SeriesRequest:
    """Which metrics of which runs are to be drawn, from where to where, in how many points."""

    run_ids: Sequence[str]
    keys: Sequence[str]
    axis: Axis
    start: int | None
    end: int | None
    points: int
    format: Format


@dataclass(frozen=True, slots=True)
class DrawnSeries:
    """A metric of a run, thinned out."""

    run_id: str
    key: str
    total: int
    """Points in the range, of which `points` are some."""

    points: Series


class _Series(msgspec.Struct):
    run_id: str
    key: str
    total: int
    steps: list[int]
    timestamps: list[int]
    values: list[float]


class _Answer(msgspec.Struct):
    axis: Axis
    series: list[_Series]


def decode_series_request(query: bytes, accept: bytes = b"") -> SeriesRequest:
    """Decode the query of headwater/metrics/series, and the Accept header.

    Raises:
        InvalidParameterError: a parameter is missing, unknown or out of range.
    """
    try:
        given = parse_qs(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except (UnicodeDecodeError, ValueError) as error:
        raise InvalidParameterError(f"The query string is not UTF-8: {error}") from error
    for name in given:
        if name not in _NAMES:
            raise InvalidParameterError(
                f"Unknown parameter {name!r}; known are {', '.join(_NAMES)}"
            )
    run_ids = _several(given, "run_id", MOST_RUNS)
    keys = _several(given, "key", MOST_KEYS)
    if len(run_ids) * len(keys) > MOST_SERIES:
        raise InvalidParameterError(
            f"{len(run_ids)} run_id times {len(keys)} key are more than {MOST_SERIES} series; "
            "ask for them in several requests"
        )
    points = _integer(given, "points", range(FEWEST_POINTS, MOST_POINTS + 1))
    start, end = _integer(given, "start", _INT64), _integer(given, "end", _INT64)
    if start is not None and end is not None and start > end:
        raise InvalidParameterError(f"Invalid value for parameter 'start': {start} is after 'end'")
    return SeriesRequest(
        run_ids,
        keys,
        _axis(given),
        start,
        end,
        _DEFAULT_POINTS if points is None else points,
        _format(given, accept),
    )


def encode_series(axis: Axis, found: Sequence[DrawnSeries]) -> bytes:
    """Encode the answer, column by column; a NaN is null."""
    return msgspec.json.encode(
        _Answer(
            axis,
            [
                _Series(
                    series.run_id,
                    series.key,
                    series.total,
                    series.points.steps.tolist(),
                    series.points.timestamps.tolist(),
                    series.points.values.tolist(),
                )
                for series in found
            ],
        )
    )


def _several(given: Mapping[str, list[str]], name: str, most: int) -> list[str]:
    values = list(dict.fromkeys(given.get(name, ())))
    if not values or "" in values:
        raise InvalidParameterError(f"Missing value for required parameter '{name}'")
    if len(values) > most:
        raise InvalidParameterError(f"Parameter '{name}' occurs more than {most} times")
    return values


def _single(given: Mapping[str, list[str]], name: str) -> str | None:
    values = given.get(name, ())
    if len(values) > 1:
        raise InvalidParameterError(f"Parameter '{name}' occurs twice")
    return values[0] if values else None


def _integer(given: Mapping[str, list[str]], name: str, allowed: range) -> int | None:
    text = _single(given, name)
    if text is None:
        return None
    if not _INTEGER.fullmatch(text) or int(text) not in allowed:
        raise InvalidParameterError(
            f"Invalid value for parameter '{name}': {text!r} is not an integer between "
            f"{allowed[0]} and {allowed[-1]}"
        )
    return int(text)


def _axis(given: Mapping[str, list[str]]) -> Axis:
    text = _single(given, "axis")
    if text is None or text == "step":
        return "step"
    if text == "time":
        return "time"
    raise InvalidParameterError(
        f"Invalid value for parameter 'axis': {text!r} is neither 'step' nor 'time'"
    )


def _format(given: Mapping[str, list[str]], accept: bytes) -> Format:
    """Return what the query asks for, else Arrow where the client accepts it by name."""
    text = _single(given, "format")
    if text is None:
        ranges = accept.decode("latin-1").lower().split(",")
        named = any(each.partition(";")[0].strip() == ARROW_TYPE for each in ranges)
        return "arrow" if named else "json"
    if text == "json":
        return "json"
    if text == "arrow":
        return "arrow"
    raise InvalidParameterError(
        f"Invalid value for parameter 'format': {text!r} is neither 'json' nor 'arrow'"
    )
