"""The messages of headwater/experiments/move."""

from collections.abc import Sequence

import msgspec

from headwater.errors import InvalidParameterError
from headwater.wire.own_request import decode_body

MOST_EXPERIMENTS = 10_000


class MoveExperimentsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which experiments are to go to which project."""

    experiment_ids: list[str]
    project: str


class _Answer(msgspec.Struct):
    project: str
    experiment_ids: list[str]


_DECODER = msgspec.json.Decoder(MoveExperimentsRequest)


def decode_move_experiments(body: bytes) -> MoveExperimentsRequest:
    """Decode the body of experiments/move.

    Raises:
        InvalidParameterError: it is not a well-formed request.
    """
    message = decode_body(_DECODER, body)
    if not 0 < len(message.experiment_ids) <= MOST_EXPERIMENTS:
        raise InvalidParameterError(
            "Invalid value for parameter 'experiment_ids': name 1 to "
            f"{MOST_EXPERIMENTS:,} experiments"
        )
    return message


def encode_moved_experiments(project: str, experiment_ids: Sequence[int]) -> bytes:
    """Encode where the experiments are now."""
    return msgspec.json.encode(_Answer(project, [str(number) for number in experiment_ids]))
