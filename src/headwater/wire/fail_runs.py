"""The messages of headwater/runs/fail."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from headwater.wire.heartbeat import RunIds
from headwater.wire.operations import Milliseconds
from headwater.wire.own_request import decode_body


class FailRunsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Runs whose processes are gone."""

    run_ids: RunIds
    reason: Annotated[str, msgspec.Meta(min_length=1)]
    end_time: Milliseconds


_DECODER = msgspec.json.Decoder(FailRunsRequest)


def decode_fail_runs(body: bytes) -> FailRunsRequest:
    """Decode the body of runs/fail.

    Raises:
        InvalidParameterError: it is not a well-formed request.
    """
    return decode_body(_DECODER, body)


def encode_failed_runs(failed: Sequence[str]) -> bytes:
    """Encode which runs were marked as failed: those that had not ended."""
    return msgspec.json.encode({"failed": failed})
