"""Where an experiment's artifacts lie below the server's artifact root."""

import posixpath
import urllib.parse
from pathlib import Path

_PROXIED = "mlflow-artifacts:"
"""Scheme of what lies behind the server."""


def experiment_location(artifact_root: str, experiment_id: int) -> str:
    """Return the artifact location MLflow gives an experiment that names none.

    A relative local root is taken from the working directory.
    """
    parts = urllib.parse.urlsplit(artifact_root)
    if not parts.scheme:
        return posixpath.join(_absolute(artifact_root), str(experiment_id))
    if parts.scheme == "file" and not parts.netloc and not parts.path.startswith("/"):
        return f"file://{posixpath.join(_absolute(parts.path), str(experiment_id))}"
    path = posixpath.join(parts.path, str(experiment_id))
    if parts.path.startswith("/"):
        return urllib.parse.urlunsplit(parts._replace(path=path))
    # urlunsplit would turn the relative path of `scheme:path` into an absolute one.
    return f"{parts.scheme}:{urllib.parse.urlunsplit(parts._replace(scheme='', path=path))}"


def proxied_path(location: str | None) -> str | None:
    """Return the path among the server's artifacts that a location names; None: it is elsewhere."""
    if location is None or not location.startswith(_PROXIED):
        return None
    path = location.removeprefix(_PROXIED)
    if path.startswith("//"):  # mlflow-artifacts://host/path
        path = path[2:].partition("/")[2]
    return urllib.parse.unquote(path).strip("/")


def _absolute(path: str) -> str:
    return path if path.startswith("/") else (Path.cwd() / path).as_posix()
