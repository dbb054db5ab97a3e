"""The messages of headwater/quotas/list and headwater/quotas/set."""

from collections.abc import Sequence

import msgspec

from headwater.errors import InvalidParameterError
from headwater.wire.own_request import decode_body, decode_parameters

_LARGEST = 2**63 - 1


class SetQuotaRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose artifacts are to be limited: one of project and experiment_id."""

    limit: int | None
    """Bytes; null: there is to be no limit."""

    project: str | None = None
    experiment_id: str | None = None


class QuotaMessage(msgspec.Struct):
    """A limit, and what is used of it, in bytes."""

    project: str
    experiment_id: str | None
    name: str | None
    limit: int | None
    used: int


_DECODER = msgspec.json.Decoder(SetQuotaRequest)


def decode_list_quotas(query: bytes) -> str:
    """Decode the query of quotas/list: the path of a project.

    Raises:
        InvalidParameterError: a parameter is unknown.
    """
    return decode_parameters(query, ("path",)).get("path", "")


def decode_set_quota(body: bytes) -> SetQuotaRequest:
    """Decode the body of quotas/set.

    Raises:
        InvalidParameterError: it is not a well-formed request.
    """
    message = decode_body(_DECODER, body)
    if (message.project is None) == (message.experiment_id is None):
        raise InvalidParameterError("Name either 'project' or 'experiment_id'")
    number = message.experiment_id
    if number is not None and not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise InvalidParameterError("Invalid value for parameter 'experiment_id': it is no number")
    if message.limit is not None and not 0 <= message.limit <= _LARGEST:
        raise InvalidParameterError("Invalid value for parameter 'limit': it is no count of bytes")
    return message


def encode_quotas(quotas: Sequence[QuotaMessage]) -> bytes:
    """Encode limits."""
    return msgspec.json.encode({"quotas": quotas})
