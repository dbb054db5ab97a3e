"""The page tokens of headwater/runs/search: a place in an order, of one search alone."""

import base64
import hashlib
import json
from typing import Any

import msgspec

from headwater.entities.run_table import TablePlace
from headwater.errors import InvalidParameterError

FIRST = TablePlace()

_VERSION = 1
_REFUSAL = "Invalid value for parameter 'page_token': it"


class _Token(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    version: int
    search: str
    beyond: list[int | float | str | None] | None = None
    backwards: bool = False
    offset: int = 0


def fingerprint(*parts: Any) -> str:
    """Return what tells one search from others, of values that are JSON."""
    return hashlib.blake2b(msgspec.json.encode(parts), digest_size=8).hexdigest()


def encode_place(place: TablePlace | None, search: str) -> str:
    """Return the token of a place in a search, which `fingerprint` names; empty for no place."""
    if place is None:
        return ""
    beyond = None if place.beyond is None else list(place.beyond)
    token = _Token(_VERSION, search, beyond, place.backwards, place.offset)
    # Not by msgspec, to whose JSON infinities are null: a mean may be one.
    content = json.dumps(msgspec.to_builtins(token), separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def decode_place(text: str, search: str) -> TablePlace:
    """Return the place that a token stands for; the first one for the empty token.

    That its key fits the order of the search is for who knows the order to tell.

    Raises:
        InvalidParameterError: it is no token, of another version, or of another search.
    """
    if not text:
        return FIRST
    token = _decoded(text)
    if token.search != search:
        raise InvalidParameterError(
            f"{_REFUSAL} belongs to another search; send it with the experiments, filter, "
            "run_view_type, order_by and groups of the request that returned it, or leave it out "
            "to begin anew"
        )
    if not 0 <= token.offset < 1 << 62:
        raise InvalidParameterError(f"{_REFUSAL} is none that a server returned")
    return TablePlace(
        None if token.beyond is None else tuple(token.beyond), token.backwards, token.offset
    )


def _decoded(text: str) -> _Token:
    try:
        content = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if content["version"] != _VERSION:
            raise InvalidParameterError(
                f"{_REFUSAL} is of another version of Headwater; leave it out to begin anew"
            )
        return msgspec.convert(content, _Token)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidParameterError(f"{_REFUSAL} is none that a server returned") from error
