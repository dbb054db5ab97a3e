"""MLflow's page tokens: base64 of a JSON object with an offset."""

import base64
import binascii
import json

from headwater.errors import NotServedError


def encode_offset(offset: int) -> str:
    """Return the token of the page that begins at an offset."""
    return base64.b64encode(json.dumps({"offset": offset}).encode()).decode()


def decode_offset(token: str) -> int:
    """Return the offset that a token stands for; 0 for the empty token.

    Raises:
        NotServedError: the token is not one that `encode_offset` returned.
    """
    if not token:
        return 0
    try:
        offset = json.loads(base64.b64decode(token, validate=True))["offset"]
    except (binascii.Error, KeyError, TypeError, ValueError) as error:
        raise NotServedError("an unusual page token") from error
    if type(offset) is not int or not 0 < offset < 1 << 62:
        raise NotServedError("an unusual page token")
    return offset
