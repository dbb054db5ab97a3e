"""Directories that stand in for a server that is away: an MLflow database and its artifacts.

``offline.json`` names the server; ``writer.lock`` is held by every process that works there.
"""

import fcntl
import os
import shutil
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec

from headwater.client.settings import http_uri
from headwater.client.spool.directory import places_of
from headwater.errors import ConfigurationError

_ABOUT = "offline.json"
_LOCK = "writer.lock"
_HOST = "offline"
_PROBE_SECONDS = 2.0


class _About(msgspec.Struct, frozen=True):
    server: str


class OfflineDirectory:
    """A place where runs wait for their server."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def server(self) -> str:
        """Return the URL of the server that the runs are for; empty where any will do."""
        return msgspec.json.decode((self.path / _ABOUT).read_bytes(), type=_About).server

    @property
    def database(self) -> Path:
        """Return where MLflow's tables are."""
        return self.path / "mlflow.db"

    @property
    def artifacts(self) -> Path:
        """Return where artifacts are."""
        return self.path / "artifacts"

    def enter(self, server: str) -> None:
        """Make the directory if need be; this process works in it until its end."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not (self.path / _ABOUT).exists():
                (self.path / _ABOUT).write_bytes(msgspec.json.encode(_About(server)))
        except OSError as error:
            raise ConfigurationError(f"{self.path} cannot be made: {error}") from error
        fcntl.flock(self._open_lock(), fcntl.LOCK_SH)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Keep others out; False where a process works there."""
        descriptor = self._open_lock()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
        finally:
            os.close(descriptor)

    def remove(self) -> None:
        """Remove what the server has."""
        shutil.rmtree(self.path)

    def _open_lock(self) -> int:
        return os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)


def offline_in(root: Path) -> list[OfflineDirectory]:
    """Return the directories at `root` or below it."""
    return [OfflineDirectory(place) for place in sorted(places_of(_ABOUT, root))]


def is_offline(uri: str) -> bool:
    """Say whether a tracking URI asks to work without a server: ``headwater://offline``."""
    return urlsplit(uri).hostname == _HOST


def named_directory(uri: str, root: Path) -> OfflineDirectory:
    """Return the directory of ``headwater://offline?dir=…``, or one of its own below `root`."""
    named = parse_qs(urlsplit(uri).query).get("dir")
    return OfflineDirectory(Path(named[0]).absolute()) if named else new_directory(root)


def new_directory(root: Path) -> OfflineDirectory:
    """Return a new directory below `root`."""
    return OfflineDirectory(root / f"offline-{uuid.uuid4().hex}")


def is_reachable(uri: str) -> bool:
    """Say whether somebody listens where a tracking URI points to."""
    split = urlsplit(http_uri(uri))
    port = split.port or (443 if split.scheme == "https" else 80)
    try:
        with socket.create_connection((split.hostname or "", port), timeout=_PROBE_SECONDS):
            return True
    except OSError:
        return False
