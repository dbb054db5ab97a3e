"""URIs of artifact stores.

``headwater-cas+file:///path`` is the store in a directory, ``headwater-cas+s3://bucket/prefix`` the
one in a bucket.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from headwater.errors import ConfigurationError

STORE_SCHEME = "headwater-cas+file"
BUCKET_SCHEME = "headwater-cas+s3"
INDEX_VARIABLE = "HEADWATER_ARTIFACT_INDEX"
"""Environment variable: the directory for the index of a store in a bucket."""

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Bucket:
    """A part of a bucket."""

    name: str
    prefix: str = ""
    """Of the names of the objects, without a slash at its ends; empty: the whole bucket."""


def is_store(uri: str) -> bool:
    """Say whether a URI is one of an artifact store."""
    return uri.partition(":")[0] in (STORE_SCHEME, BUCKET_SCHEME)


def check_store(uri: str) -> str:
    """Return the URI of a store, if it is one.

    Raises:
        ConfigurationError: it names no place.
    """
    if uri.startswith(f"{BUCKET_SCHEME}:"):
        store_bucket(uri)
    else:
        store_directory(uri)
    return uri


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


def store_bucket(uri: str) -> Bucket:
    """Return the part of a bucket that a URI names; as in MLflow's ``s3:``, ``%`` is a letter.

    Raises:
        ConfigurationError: it names none.
    """
    name, _, prefix = uri.removeprefix(f"{BUCKET_SCHEME}:").removeprefix("//").partition("/")
    prefix = prefix.strip("/")
    parts = prefix.split("/") if prefix else []
    # `user:password@bucket` and the like match no bucket, and must not get into a message.
    if not _BUCKET.fullmatch(name):
        raise ConfigurationError(
            f"the artifacts' URI must name a bucket, as in {BUCKET_SCHEME}://bucket/prefix"
        )
    odd = any(part in ("", ".", "..") for part in parts) or re.search(r"[?#]", prefix)
    if odd or _CONTROL.search(prefix):
        raise ConfigurationError(f"{uri!r} must name a plain prefix: no '..', '//', '?' or '#'")
    return Bucket(name, prefix)
