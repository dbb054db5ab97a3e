"""The LogBatch message."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from headwater.entities.metric import Float64s, Int64s, ModelMetric, Points, storable
from headwater.errors import NotServedError
from headwater.wire.decode import Number, decode
from headwater.wire.operations import ModelPoint


class _PlainMetric(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    key: str
    value: float
    timestamp: int
    step: int = 0


class _Metric(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    key: str
    value: Number
    timestamp: int
    step: int = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""
    run_id: str = ""


class _Pair(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    key: str
    value: str = ""


class _PlainLogBatch(msgspec.Struct, forbid_unknown_fields=True):
    run_id: str
    metrics: list[_PlainMetric] = []
    params: list[_Pair] = []
    tags: list[_Pair] = []


class _LogBatch(msgspec.Struct, forbid_unknown_fields=True):
    run_id: str
    metrics: list[_Metric] = []
    params: list[_Pair] = []
    tags: list[_Pair] = []


_BYTE = 256

_PLAIN_DECODER = msgspec.json.Decoder(_PlainLogBatch)
_DECODER = msgspec.json.Decoder(_LogBatch)


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Points, params and tags to log into one run."""

    run_id: str
    points: Points
    model_metrics: Sequence[ModelMetric]
    """The points that are attributed to a logged model, once more."""

    params: Sequence[tuple[str, str]]
    tags: Sequence[tuple[str, str]]


def decode_log_batch(body: bytes) -> LogBatch:
    """Decode a LogBatch request.

    Raises:
        NotServedError: the body is not an ordinary LogBatch.
    """
    message: _PlainLogBatch | _LogBatch
    model_metrics: Sequence[ModelMetric] = ()
    try:
        # Nearly all points are plain numbers that belong to no model: a third less to do.
        message = _PLAIN_DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        message = decode(_DECODER, body)
        model_metrics = model_metrics_of(message.metrics)
    return LogBatch(
        message.run_id,
        points_of(message.metrics),
        model_metrics,
        [(param.key, param.value) for param in message.params],
        [(tag.key, tag.value) for tag in message.tags],
    )


def model_metrics_of(metrics: Sequence[_Metric | ModelPoint]) -> list[ModelMetric]:
    """Return the points that are attributed to a logged model.

    Raises:
        NotServedError: one names half a dataset.
    """
    attributed = [m for m in metrics if m.model_id or m.dataset_name or m.dataset_digest]
    if any(bool(metric.dataset_name) != bool(metric.dataset_digest) for metric in attributed):
        raise NotServedError("half a dataset")
    return [
        ModelMetric(
            metric.model_id,
            metric.key,
            metric.step,
            metric.timestamp,
            float(metric.value),
            metric.dataset_name or None,
            metric.dataset_digest or None,
        )
        for metric in attributed
        if metric.model_id
    ]


def points_of(metrics: Sequence[_PlainMetric | _Metric | ModelPoint]) -> Points:
    """Return points as columns.

    Raises:
        NotServedError: a step or timestamp exceeds 64 bits.
    """
    keys, key_index = _keys([metric.key for metric in metrics])
    try:
        return Points(
            keys,
            key_index,
            _integers([metric.step for metric in metrics]),
            _integers([metric.timestamp for metric in metrics]),
            storable(_floats([metric.value for metric in metrics])),
        )
    except (struct.error, OverflowError) as error:
        raise NotServedError("a step or timestamp exceeds 64 bits") from error


def _keys(names: list[str]) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """Return the distinct names, and for each name its position among them."""
    cycle = _cycle(names)
    if cycle:
        keys = tuple(names[:cycle])
        repeats = len(names) // cycle
        if cycle <= _BYTE:
            return keys, np.frombuffer(bytes(range(cycle)) * repeats, np.uint8).astype(np.intp)
        return keys, np.tile(np.arange(cycle), repeats)
    position = {name: index for index, name in enumerate(dict.fromkeys(names))}
    return tuple(position), np.array([position[name] for name in names], np.intp)


def _cycle(names: list[str]) -> int:
    """Return after how many distinct names the same come again in the same order; else 0.

    So it is where a training loop logs some steps: much less to do than in general.
    """
    if not names:
        return 0
    try:
        length = names.index(names[0], 1)
    except ValueError:
        length = len(names)
    repeats, rest = divmod(len(names), length)
    first = names[:length]
    return length if not rest and first * repeats == names and len(set(first)) == length else 0


def _integers(values: Sequence[int]) -> Int64s:
    # Half the time of np.array, which looks at every value first.
    return np.frombuffer(struct.pack(f"{len(values)}q", *values), np.int64)


def _floats(values: Sequence[Number]) -> Float64s:
    try:
        return np.frombuffer(struct.pack(f"{len(values)}d", *values), np.float64)
    except struct.error:  # infinities and NaN come as text
        return np.array(values, np.float64)
