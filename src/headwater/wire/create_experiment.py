"""The CreateExperiment message."""

import msgspec

from headwater.errors import NotServedError
from headwater.wire.decode import decode


class _Tag(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    key: str
    value: str = ""


class _CreateExperiment(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    artifact_location: str = ""
    tags: list[_Tag] = []


_DECODER = msgspec.json.Decoder(_CreateExperiment)


def decode_create_experiment(body: bytes) -> tuple[str, list[tuple[str, str]]]:
    """Decode a CreateExperiment request into name and tags.

    Raises:
        NotServedError: it asks for an artifact location of its own, which MLflow examines.
    """
    message = decode(_DECODER, body)
    if message.artifact_location:
        raise NotServedError("an artifact location of its own")
    return message.name, [(tag.key, tag.value) for tag in message.tags]


def encode_create_experiment(experiment_id: int) -> bytes:
    """Return the answer that names the new experiment."""
    return b'{"experiment_id":"%d"}' % experiment_id
