"""Artifact locations of experiments and runs, for the URIs whose form leaves no question."""

import re

from headwater.errors import NotServedError

_SEGMENTS = r"(?:[\w.\-@=+,~]+/)*(?:[\w.\-@=+,~]+)?"
_PLAIN = re.compile(
    rf"/{_SEGMENTS}"  # an absolute path
    rf"|mlflow-artifacts:/{_SEGMENTS}"
    rf"|file:///{_SEGMENTS}"
    rf"|(?:s3|gs|wasbs|abfss|mlflow-artifacts|http|https)://[a-z0-9.\-@:]+(?:/{_SEGMENTS})?",
    re.ASCII,
)


def child_uri(uri: str, *names: str) -> str:
    """Return the URI with path segments appended, as MLflow appends them.

    Raises:
        NotServedError: the URI is relative or has a query, escapes or an unusual scheme.
    """
    if _PLAIN.fullmatch(uri) is None:
        raise NotServedError(f"an unusual artifact location: {uri!r}")
    return "/".join((uri.removesuffix("/"), *names))
