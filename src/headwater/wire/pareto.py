"""The messages of headwater/runs/pareto."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import msgspec

from headwater.entities.pareto_front import Objective, RunFront
from headwater.entities.run_selection import Where
from headwater.errors import InvalidParameterError
from headwater.wire.own_request import decode_body
from headwater.wire.run_selection import SelectionMessage, selection

MOST_OBJECTIVES = 10
_MOST_IN_VOLUME = 3


class _Message(SelectionMessage, kw_only=True):
    objectives: list[Objective]
    reference: list[float] | None = None


@dataclass(frozen=True, slots=True)
class ParetoRequest:
    """A decoded request."""

    objectives: Sequence[Objective]
    where: Where
    reduction: str
    reference: Sequence[float] | None
    """Of the hypervolume."""


_DECODER = msgspec.json.Decoder(_Message)


def decode_pareto(body: bytes) -> ParetoRequest:
    """Decode the body of headwater/runs/pareto.

    Raises:
        InvalidParameterError: it is not a well-formed request.
    """
    message = decode_body(_DECODER, body)
    if not 2 <= len(message.objectives) <= MOST_OBJECTIVES:
        raise InvalidParameterError(
            f"Invalid value for parameter 'objectives': {len(message.objectives)} of them; give 2 "
            f"to {MOST_OBJECTIVES}"
        )
    metrics = [each.metric for each in message.objectives]
    if "" in metrics or len(set(metrics)) < len(metrics):
        raise InvalidParameterError(
            "Invalid value for parameter 'objectives': each needs a 'metric' of its own"
        )
    if message.reference is not None:
        _check_reference(message.reference, len(metrics))
    return ParetoRequest(
        message.objectives, selection(message), message.reduction, message.reference
    )


def encode_pareto(found: RunFront) -> bytes:
    """Encode a front, with the names of its fields."""
    return msgspec.json.encode(found)


def _check_reference(reference: Sequence[float], objectives: int) -> None:
    if objectives > _MOST_IN_VOLUME:
        raise InvalidParameterError(
            "Invalid value for parameter 'reference': there is a hypervolume of 2 or 3 objectives"
        )
    if len(reference) != objectives or not all(map(isfinite, reference)):
        raise InvalidParameterError(
            f"Invalid value for parameter 'reference': give {objectives} numbers, one for each "
            "objective, in their order"
        )
