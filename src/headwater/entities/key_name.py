"""What MLflow calls a metric, param or tag key that it takes."""

import posixpath
import re
from functools import lru_cache

MAX_KEY_LENGTH = 250

_NAME = re.compile(r"[/\w.\- :]*")


@lru_cache(maxsize=16_384)
def key_fault(name: str) -> str:
    """Return what is wrong with a key, nothing for one that MLflow takes as it is."""
    if len(name) > MAX_KEY_LENGTH:
        return f"a key of {len(name)} characters"
    if _NAME.fullmatch(name) is None:
        return f"a key with unusual characters: {name!r}"
    path = posixpath.normpath(name)
    if path != name or path == "." or path.startswith(("..", "/")):
        return f"a key that is no plain relative path: {name!r}"
    return ""
