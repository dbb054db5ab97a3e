"""The small messages that name a run and one param or tag of it."""

import msgspec

from headwater.errors import NotServedError
from headwater.wire.decode import decode


class _Run(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    run_id: str


class _RunKey(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    run_id: str
    key: str


class _RunEntry(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    key: str
    value: str = ""
    run_id: str | None = None
    run_uuid: str | None = None


_RUN_DECODER = msgspec.json.Decoder(_Run)
_KEY_DECODER = msgspec.json.Decoder(_RunKey)
_ENTRY_DECODER = msgspec.json.Decoder(_RunEntry)


def decode_run(body: bytes) -> str:
    """Decode a request that is a run id and nothing else."""
    return decode(_RUN_DECODER, body).run_id


def decode_run_key(body: bytes) -> tuple[str, str]:
    """Decode a DeleteTag request into run id and key."""
    message = decode(_KEY_DECODER, body)
    return message.run_id, message.key


def decode_run_entry(body: bytes) -> tuple[str, str, str]:
    """Decode a LogParam or SetTag request into run id, key and value."""
    message = decode(_ENTRY_DECODER, body)
    return either_run_id(message.run_id, message.run_uuid), message.key, message.value


def either_run_id(run_id: str | None, run_uuid: str | None) -> str:
    """Return the run id of a message that may carry it under its new name, its old one or both.

    Raises:
        NotServedError: it is missing, or the names disagree.
    """
    if run_id is None:
        run_id = run_uuid
    if not run_id or (run_uuid and run_uuid != run_id):
        raise NotServedError("run_id is missing or disagrees with run_uuid")
    return run_id
