"""The UpdateExperiment message."""

import msgspec

from headwater.wire.decode import decode


class _UpdateExperiment(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    experiment_id: str
    new_name: str


_DECODER = msgspec.json.Decoder(_UpdateExperiment)


def decode_update_experiment(body: bytes) -> tuple[str, str]:
    """Decode an UpdateExperiment request into experiment id and new name."""
    message = decode(_DECODER, body)
    return message.experiment_id, message.new_name
