"""The messages of headwater/params/importance."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from headwater.entities.importance import Importance
from headwater.entities.run_selection import Where
from headwater.errors import InvalidParameterError
from headwater.wire.own_request import decode_body
from headwater.wire.run_selection import SelectionMessage, selection

MOST_PARAMS = 200
LEAST_TREES, MOST_TREES = 10, 500
_MOST_SEED = 2**63 - 1


class _Message(SelectionMessage, kw_only=True):
    metric: str
    params: list[str] = msgspec.field(default_factory=list)
    trees: int = 100
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ImportanceRequest:
    """A decoded request."""

    metric: str
    where: Where
    reduction: str
    params: Sequence[str]
    """Those that are looked at; all where empty."""

    trees: int
    seed: int


_DECODER = msgspec.json.Decoder(_Message)


def decode_importance(body: bytes) -> ImportanceRequest:
    """Decode the body of headwater/params/importance.

    Raises:
        InvalidParameterError: it is not a well-formed request.
    """
    message = decode_body(_DECODER, body)
    if not message.metric:
        raise InvalidParameterError("Missing value for required parameter 'metric'")
    if len(message.params) > MOST_PARAMS:
        raise InvalidParameterError(
            f"Invalid value for parameter 'params': {len(message.params)} params; give up to "
            f"{MOST_PARAMS}"
        )
    if not LEAST_TREES <= message.trees <= MOST_TREES:
        raise InvalidParameterError(
            f"Invalid value for parameter 'trees': {message.trees} is not between {LEAST_TREES} "
            f"and {MOST_TREES}"
        )
    if not 0 <= message.seed <= _MOST_SEED:
        raise InvalidParameterError(
            f"Invalid value for parameter 'seed': {message.seed} is not between 0 and 2^63 - 1"
        )
    return ImportanceRequest(
        message.metric,
        selection(message),
        message.reduction,
        tuple(dict.fromkeys(message.params)),
        message.trees,
        message.seed,
    )


def encode_importance(found: Importance) -> bytes:
    """Encode importances, with the names of their fields."""
    return msgspec.json.encode(found)
