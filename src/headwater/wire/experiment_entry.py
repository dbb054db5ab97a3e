"""The small messages that name an experiment and one tag of it."""

import msgspec

from headwater.wire.decode import decode


class _Experiment(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    experiment_id: str


class _ExperimentKey(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    experiment_id: str
    key: str


class _ExperimentEntry(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    experiment_id: str
    key: str
    value: str = ""


_EXPERIMENT_DECODER = msgspec.json.Decoder(_Experiment)
_KEY_DECODER = msgspec.json.Decoder(_ExperimentKey)
_ENTRY_DECODER = msgspec.json.Decoder(_ExperimentEntry)


def decode_experiment(body: bytes) -> str:
    """Decode a request that is an experiment id and nothing else."""
    return decode(_EXPERIMENT_DECODER, body).experiment_id


def decode_experiment_key(body: bytes) -> tuple[str, str]:
    """Decode a DeleteExperimentTag request into experiment id and key."""
    message = decode(_KEY_DECODER, body)
    return message.experiment_id, message.key


def decode_experiment_entry(body: bytes) -> tuple[str, str, str]:
    """Decode a SetExperimentTag request into experiment id, key and value."""
    message = decode(_ENTRY_DECODER, body)
    return message.experiment_id, message.key, message.value
