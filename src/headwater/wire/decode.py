"""Strict decoding of request messages: what does not fit exactly is MLflow's to answer."""

from typing import Any, Literal, TypeVar
from urllib.parse import parse_qsl

import msgspec

from headwater.errors import NotServedError

Message = TypeVar("Message")

Number = float | Literal["NaN", "Infinity", "-Infinity"]
"""A double in protobuf's JSON spelling."""


def decode(decoder: "msgspec.json.Decoder[Message]", body: bytes) -> Message:
    """Decode a JSON body.

    Raises:
        NotServedError: it is not JSON, or not exactly the decoder's type.
    """
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotServedError(str(error)) from error


def decode_query(query: bytes, *, repeated: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Decode a query string into a value a name, or a list for a repeated name.

    Raises:
        NotServedError: a name that is not repeated occurs twice, or the text is not UTF-8.
    """
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except (UnicodeDecodeError, ValueError) as error:
        raise NotServedError(str(error)) from error
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in repeated:
            values.setdefault(name, []).append(value)
        elif name in values:
            raise NotServedError(f"{name!r} occurs twice")
        else:
            values[name] = value
    return values


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
