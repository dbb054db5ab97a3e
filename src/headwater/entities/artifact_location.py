"""Where an experiment's artifacts lie below the server's artifact root."""

import posixpath
import urllib.parse
from pathlib import Path


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


def _absolute(path: str) -> str:
    return path if path.startswith("/") else (Path.cwd() / path).as_posix()
