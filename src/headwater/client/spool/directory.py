"""The directory of one spool: who writes it, for which server, and its segments.

``spool.json`` says what the spool is; ``writer.lock`` and ``sender.lock`` are held by the process
that logs and by the one that sends. What was logged is in ``NNNNNNNN.segment``, how much of it the
server has in ``progress``, and what it would not take in ``refused.jsonl``.
"""

import fcntl
import json
import logging
import os
import socket
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from headwater.errors import ConfigurationError, CorruptSpoolError

_logger = logging.getLogger(__name__)
_VERSION = 2
"""Since 2 there may be an outbox, which who knows 1 only would remove."""

_READABLE = (1, 2)
_ABOUT = "spool.json"
REFUSED = "refused.jsonl"
_WRITER_LOCK = "writer.lock"
_SENDER_LOCK = "sender.lock"


class Position(NamedTuple):
    """A place between two records of a spool."""

    segment: int
    offset: int


class About(msgspec.Struct, frozen=True):
    """What a spool is."""

    version: int
    client_id: str
    server: str
    """URL without credentials; empty for one that is to be sent to whichever server is named."""

    workspace: str | None
    host: str
    pid: int
    created: int
    """Milliseconds since the epoch."""


class SpoolDirectory:
    """A spool on disk, which one process writes and another may send."""

    def __init__(self, path: Path) -> None:
        """Open the spool at `path`. Raises CorruptSpoolError if there is none."""
        self.path = path
        try:
            self.about = msgspec.json.decode((path / _ABOUT).read_bytes(), type=About)
        except (OSError, msgspec.DecodeError) as error:
            raise CorruptSpoolError(f"{path} is no spool: {error}") from error
        if self.about.version not in _READABLE:
            raise CorruptSpoolError(f"{path} has the unknown version {self.about.version}")

    def segment(self, number: int) -> Path:
        """Return where the segment of that number is, or was."""
        return self.path / f"{number:08}.segment"

    def segments(self) -> list[int]:
        """Return the numbers of the segments that are there, in order."""
        return sorted(int(path.stem) for path in self.path.glob("*.segment"))

    def size(self) -> int:
        """Return the bytes that the segments take."""
        return sum(path.stat().st_size for path in self.path.glob("*.segment"))

    def written_at(self) -> int:
        """Return when something was logged last, in milliseconds since the epoch."""
        times = [path.stat().st_mtime_ns for path in self.path.glob("*.segment")]
        return max(times, default=self.about.created * 1_000_000) // 1_000_000

    def lock_writer(self) -> int:
        """Return the descriptor of a lock that says that this process writes; it ends with it.

        Raises:
            ConfigurationError: another process writes.
        """
        return _lock(self.path / _WRITER_LOCK)

    def is_written(self) -> bool:
        """Say whether the process that writes is alive."""
        try:
            os.close(self.lock_writer())
        except ConfigurationError:
            return True
        return False

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Hold the right to send. Raises ConfigurationError if another process has it."""
        descriptor = _lock(self.path / _SENDER_LOCK)
        try:
            yield
        finally:
            os.close(descriptor)

    def renew_client_id(self) -> None:
        """Take another client id; the directory keeps its name."""
        self.about = msgspec.structs.replace(self.about, client_id=uuid.uuid4().hex)
        _write(self.path / _ABOUT, msgspec.json.encode(self.about))

    def refused(self) -> list[dict[str, Any]]:
        """Return what the server would not take, the oldest first."""
        try:
            lines = (self.path / REFUSED).read_bytes().splitlines()
        except FileNotFoundError:
            return []
        return [msgspec.json.decode(line) for line in lines]

    def note_refused(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Note what the server would not take."""
        if not items:
            return
        with (self.path / REFUSED).open("a", encoding="utf-8") as file:
            for item in items:
                _logger.warning("the server refused %s", item.get("message"))
                file.write(json.dumps({"time": time.time_ns() // 1_000_000, **item}) + "\n")

    def remove(self) -> None:
        """Remove a spool of which all was sent.

        Where this is cut off, what is left is a spool that holds nothing, or an empty directory.
        """
        for number in reversed(self.segments()):
            self.segment(number).unlink()
        about = self.path / _ABOUT
        for path in self.path.iterdir():
            if path != about:
                path.unlink()
        about.unlink()
        self.path.rmdir()


def create_spool(root: Path, server: str, workspace: str | None = None) -> SpoolDirectory:
    """Create an empty spool below `root`, which is made if need be, for no other user to read.

    Raises:
        ConfigurationError: the directory cannot be made.
    """
    client_id = uuid.uuid4().hex
    about = About(
        _VERSION,
        client_id,
        server,
        workspace,
        socket.gethostname(),
        os.getpid(),
        time.time_ns() // 1_000_000,
    )
    path = root / client_id
    try:
        path.mkdir(mode=0o700, parents=True)
        _write(path / _ABOUT, msgspec.json.encode(about))
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be made: {error}; HEADWATER_SPOOL_DIR names another place for what is "
            "logged and not yet sent"
        ) from error
    return SpoolDirectory(path)


def spools_in(root: Path) -> list[SpoolDirectory]:
    """Return the spools below `root`, or at it, the oldest first."""
    found = [SpoolDirectory(place) for place in places_of(_ABOUT, root)]
    return sorted(found, key=lambda spool: (spool.about.created, spool.about.client_id))


def places_of(name: str, root: Path) -> list[Path]:
    """Return `root` if it holds a file of that name, else those directories below it that do."""
    if (root / name).exists():
        return [root]
    return [path.parent for path in root.glob(f"*/{name}")]


def _write(path: Path, content: bytes) -> None:
    """Write a file durably, in one piece."""
    draft = path.with_suffix(".new")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise ConfigurationError(f"another process holds {path}") from error
    return descriptor
