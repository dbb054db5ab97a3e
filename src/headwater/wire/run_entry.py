"""The small messages that name a run and one param or tag of it."""

import msgspec

from headwater.wire.decode import decode, either_run_id


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
