"""URIs of artifact stores: ``headwater-cas+file:///path`` is the store in a directory."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from headwater.errors import ConfigurationError

STORE_SCHEME = "headwater-cas+file"


def store_directory(uri: str) -> Path:
    """Return the directory that a URI names.

    Raises:
        ConfigurationError: it names none, or not by an absolute path.
    """
    split = urlsplit(uri)
    if split.netloc or not split.path.startswith("/") or "\0" in uri:
        raise ConfigurationError(
            f"{uri!r} must name an absolute path, as in {STORE_SCHEME}:///srv/artifacts"
        )
    return Path(unquote(split.path))
