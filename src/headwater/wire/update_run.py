"""The UpdateRun message."""

from dataclasses import dataclass
from typing import Literal

import msgspec

from headwater.entities.run import RunInfo
from headwater.wire.create_run import Int64
from headwater.wire.decode import decode, either_run_id
from headwater.wire.run import RunInfoMessage, run_info_message

_STATUS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
"""MLflow's RunStatus enumeration, which JSON may give by number too."""


class _UpdateRun(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    run_id: str | None = None
    run_uuid: str | None = None
    status: (
        Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED", 1, 2, 3, 4, 5] | None
    ) = None
    end_time: Int64 | None = None
    run_name: str | None = None


class _Response(msgspec.Struct):
    run_info: RunInfoMessage


_DECODER = msgspec.json.Decoder(_UpdateRun)
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class UpdateRun:
    """Changes to a run; None leaves a field as it is."""

    run_id: str
    status: str | None
    end_time: int | None
    run_name: str | None


def decode_update_run(body: bytes) -> UpdateRun:
    """Decode an UpdateRun request."""
    message = decode(_DECODER, body)
    status = message.status
    return UpdateRun(
        either_run_id(message.run_id, message.run_uuid),
        _STATUS[status] if isinstance(status, int) else status,
        message.end_time,
        message.run_name,
    )


def encode_update_run(info: RunInfo) -> bytes:
    """Return the answer that shows the run's info after the update."""
    return _encoder.encode(_Response(run_info_message(info)))
