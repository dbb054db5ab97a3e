"""The messages of headwater/projects/move."""

from collections.abc import Sequence

import msgspec

from headwater.wire.own_request import decode_body


class MoveProjectRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which project is to go where."""

    path: str
    to: str


class _Experiment(msgspec.Struct):
    experiment_id: str
    project: str


class _Answer(msgspec.Struct):
    path: str
    to: str
    experiments: list[_Experiment]
    saved_searches: int


_DECODER = msgspec.json.Decoder(MoveProjectRequest)


def decode_move_project(body: bytes) -> MoveProjectRequest:
    """Decode the body of projects/move.

    Raises:
        InvalidParameterError: it is not a well-formed request.
    """
    return decode_body(_DECODER, body)


def encode_moved_project(
    path: str, to: str, experiments: Sequence[tuple[int, str]], saved_searches: int
) -> bytes:
    """Encode what a move did; `experiments` are those that have moved, each with its project."""
    moved = [_Experiment(str(number), project) for number, project in experiments]
    return msgspec.json.encode(_Answer(path, to, moved, saved_searches))
