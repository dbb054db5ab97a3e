"""Decoding the requests of Headwater's own routes: what does not fit is refused by its name."""

from collections.abc import Mapping, Sequence
from typing import TypeVar
from urllib.parse import parse_qs

import msgspec

from headwater.errors import InvalidParameterError

Message = TypeVar("Message")


def decode_body(decoder: "msgspec.json.Decoder[Message]", body: bytes) -> Message:
    """Decode a JSON body.

    Raises:
        InvalidParameterError: it is not the decoder's type; says where.
    """
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidParameterError(f"Invalid request body: {error}") from error


def decode_parameters(query: bytes, names: Sequence[str]) -> Mapping[str, str]:
    """Decode a query string into the values of the parameters that it gives.

    Raises:
        InvalidParameterError: it is not UTF-8, a parameter is none of `names` or occurs twice.
    """
    try:
        given = parse_qs(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except (UnicodeDecodeError, ValueError) as error:
        raise InvalidParameterError(f"The query string is not UTF-8: {error}") from error
    for name, values in given.items():
        if name not in names:
            raise InvalidParameterError(f"Unknown parameter {name!r}; known are {', '.join(names)}")
        if len(values) > 1:
            raise InvalidParameterError(f"Parameter {name!r} occurs twice")
    return {name: values[0] for name, values in given.items()}


def choice(given: Mapping[str, str], name: str, allowed: Sequence[str]) -> str:
    """Return the value of a parameter; the first of `allowed` where it is not given.

    Raises:
        InvalidParameterError: it is none of `allowed`.
    """
    value = given.get(name, allowed[0])
    if value not in allowed:
        raise InvalidParameterError(
            f"Invalid value for parameter {name!r}: {value!r} is none of {', '.join(allowed)}"
        )
    return value
