"""The messages of headwater/runs/move."""

from collections.abc import Sequence

import msgspec

from headwater.errors import InvalidParameterError
from headwater.wire.own_request import decode_body

MOST_RUNS = 10_000
"""That a request names; their children come on top."""


class MoveRunsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which runs are to go where."""

    run_ids: list[str]
    experiment_id: str
    children: bool = True
    """Whether the runs nested below them go along."""


class _Moved(msgspec.Struct):
    run_id: str
    from_experiment_id: str


class _Answer(msgspec.Struct):
    experiment_id: str
    moved: list[_Moved]
    unchanged: list[str]
    models: int
    traces: int


_DECODER = msgspec.json.Decoder(MoveRunsRequest)


def decode_move_runs(body: bytes) -> MoveRunsRequest:
    """Decode the body of runs/move.

    Raises:
        InvalidParameterError: it is not a well-formed request.
    """
    message = decode_body(_DECODER, body)
    if not message.run_ids:
        raise InvalidParameterError(
            "Invalid value for parameter 'run_ids': name at least one run to move"
        )
    if len(message.run_ids) > MOST_RUNS:
        raise InvalidParameterError(
            f"Invalid value for parameter 'run_ids': {len(message.run_ids):,} are more than "
            f"{MOST_RUNS:,}; send several requests"
        )
    return message


def encode_moved_runs(
    experiment_id: int,
    moved: Sequence[tuple[str, int]],
    unchanged: Sequence[str],
    models: int,
    traces: int,
) -> bytes:
    """Encode what a move did; `moved` is (run, the experiment that it was in)."""
    return msgspec.json.encode(
        _Answer(
            str(experiment_id),
            [_Moved(run_id, str(source)) for run_id, source in moved],
            list(unchanged),
            models,
            traces,
        )
    )
