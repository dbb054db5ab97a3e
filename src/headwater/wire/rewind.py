"""The messages of headwater/metrics/rewind and headwater/metrics/delete."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from headwater.errors import InvalidParameterError
from headwater.wire.own_request import decode_body

MOST_KEYS = 1_000


class _Rewind(msgspec.Struct, forbid_unknown_fields=True):
    run_id: str
    after_step: Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 2)]
    keys: list[str] | None = None


class _Delete(msgspec.Struct, forbid_unknown_fields=True):
    run_id: str
    keys: list[str]


_REWIND = msgspec.json.Decoder(_Rewind)
_DELETE = msgspec.json.Decoder(_Delete)


@dataclass(frozen=True, slots=True)
class RewindRequest:
    """Which points of a run are to go."""

    run_id: str
    keys: Sequence[str] | None
    """None is every metric."""

    after_step: int


@dataclass(frozen=True, slots=True)
class DeleteMetricsRequest:
    """Which metrics of a run are to go."""

    run_id: str
    keys: Sequence[str]


class _Answer(msgspec.Struct):
    metrics: list[Any]


def decode_rewind(body: bytes) -> RewindRequest:
    """Decode the body of metrics/rewind.

    Raises:
        InvalidParameterError: it is not a well-formed request.
    """
    message = decode_body(_REWIND, body)
    if message.keys is not None:
        _require_keys(message.keys)
    return RewindRequest(message.run_id, message.keys, message.after_step)


def decode_delete_metrics(body: bytes) -> DeleteMetricsRequest:
    """Decode the body of metrics/delete.

    Raises:
        InvalidParameterError: it is not a well-formed request.
    """
    message = decode_body(_DELETE, body)
    _require_keys(message.keys)
    return DeleteMetricsRequest(message.run_id, message.keys)


def encode_rewound(metrics: Sequence[Any]) -> bytes:
    """Encode what became of the metrics that have changed: key, deleted, last_step."""
    return msgspec.json.encode(_Answer(list(metrics)))


def _require_keys(keys: Sequence[str]) -> None:
    if not keys:
        raise InvalidParameterError("Invalid value for parameter 'keys': name at least one metric")
    if len(keys) > MOST_KEYS:
        raise InvalidParameterError(
            f"Invalid value for parameter 'keys': {len(keys)} are more than {MOST_KEYS}; "
            "send several requests"
        )
