"""The messages of headwater/runs/heartbeat."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from headwater.wire.own_request import decode_body

MOST_RUNS = 1_000
"""That a request names."""

RunIds = Annotated[list[str], msgspec.Meta(min_length=1, max_length=MOST_RUNS)]
_LONGEST = 7 * 24 * 3600 * 1000


class HeartbeatRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Runs whose processes are alive."""

    run_ids: RunIds
    lost_after: Annotated[int, msgspec.Meta(ge=0, le=_LONGEST)]
    """Milliseconds of silence after which a run has failed; with 0 it never has."""


class _Answer(msgspec.Struct):
    running: Sequence[str]
    not_running: Sequence[str]


_DECODER = msgspec.json.Decoder(HeartbeatRequest)


def decode_heartbeat(body: bytes) -> HeartbeatRequest:
    """Decode the body of runs/heartbeat.

    Raises:
        InvalidParameterError: it is not a well-formed request.
    """
    return decode_body(_DECODER, body)


def encode_heartbeat(running: Sequence[str], not_running: Sequence[str]) -> bytes:
    """Encode which runs are expected to be heard again, and which are not."""
    return msgspec.json.encode(_Answer(running, not_running))
