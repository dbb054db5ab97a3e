"""The CreateRun message."""

from typing import Annotated

import msgspec

from headwater.wire.decode import decode

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class _Tag(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    key: str = ""
    value: str = ""


class CreateRun(msgspec.Struct, forbid_unknown_fields=True):
    """A run to create; what is absent has protobuf's default, as in MLflow."""

    experiment_id: str
    user_id: str = ""
    run_name: str = ""
    start_time: Int64 = 0
    tags: list[_Tag] = []


_DECODER = msgspec.json.Decoder(CreateRun)


def decode_create_run(body: bytes) -> CreateRun:
    """Decode a CreateRun request."""
    return decode(_DECODER, body)
