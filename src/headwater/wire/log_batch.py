"""The LogBatch message."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from headwater.entities.metric import ModelMetric, Points, storable
from headwater.errors import NotServedError
from headwater.wire.decode import Number, decode


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


class _LogBatch(msgspec.Struct, forbid_unknown_fields=True):
    run_id: str
    metrics: list[_Metric] = []
    params: list[_Pair] = []
    tags: list[_Pair] = []


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
    message = decode(_DECODER, body)
    return LogBatch(
        message.run_id,
        _points(message.metrics),
        _model_metrics(message.metrics),
        [(param.key, param.value) for param in message.params],
        [(tag.key, tag.value) for tag in message.tags],
    )


def _model_metrics(metrics: list[_Metric]) -> list[ModelMetric]:
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


def _points(metrics: list[_Metric]) -> Points:
    names = [metric.key for metric in metrics]
    keys = dict.fromkeys(names)
    if len(keys) > 1:
        position = {key: index for index, key in enumerate(keys)}
        key_index = np.array([position[name] for name in names], np.intp)
    else:
        key_index = np.zeros(len(names), np.intp)
    try:
        return Points(
            tuple(keys),
            key_index,
            np.array([metric.step for metric in metrics], np.int64),
            np.array([metric.timestamp for metric in metrics], np.int64),
            storable(np.array([metric.value for metric in metrics], np.float64)),
        )
    except OverflowError as error:
        raise NotServedError("a step or timestamp exceeds 64 bits") from error
