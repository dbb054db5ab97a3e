"""Requests that wait for their server, in order, with the files that they bring.

A request stands in ``NNNNNNNN.request`` of the spool, what it sends of a file in
``NNNNNNNN.content``. It is there once its content is complete, and until the server has it.
"""

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from headwater.client.spool.directory import SpoolDirectory
from headwater.errors import CorruptSpoolError, SpoolFullError

ARTIFACT_LIMIT = 32 * 1024**3
"""Bytes of files that wait at most."""

_RESERVE = 256 * 1024 * 1024
"""Bytes of the device that files leave free, for points and for the training itself."""

_COPY_BYTES = 1 << 30


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request that may be carried out more than once without another outcome."""

    method: Literal["PUT", "POST", "PATCH"]
    path: str
    """Below the server's URL."""

    what: str
    """What it brings, as a person reads it: ``artifact 3/…/model/weights.bin``."""

    message: str = ""
    """JSON to send; empty where a file is sent."""

    content_type: str = ""
    """Of the file."""


class Outbox:
    """The requests of one spool; the process that logs adds, the one that sends removes."""

    def __init__(
        self,
        directory: SpoolDirectory,
        *,
        limit: int = ARTIFACT_LIMIT,
        added: Callable[[], object] = lambda: None,
    ) -> None:
        """Keep at most `limit` bytes of files; `added` is called after each request."""
        self.path = directory.path
        self._limit = limit
        self._added = added
        self._lock = threading.Lock()
        self._last = max((_number(path) for path in self.path.glob("*.request")), default=0)

    def numbers(self) -> list[int]:
        """Return the numbers of the requests that wait, in order."""
        return sorted(_number(path) for path in self.path.glob("*.request"))

    def is_empty(self) -> bool:
        """Say whether nothing waits."""
        return next(self.path.glob("*.request"), None) is None

    def size(self) -> int:
        """Return the bytes of the files that wait."""
        total = 0
        for path in self.path.glob("*.content"):
            try:
                total += path.stat().st_size
            except FileNotFoundError:  # it has just been sent
                continue
        return total

    def read(self, number: int) -> Request:
        """Return a request. Raises CorruptSpoolError."""
        path = self.path / f"{number:08}.request"
        try:
            return msgspec.json.decode(path.read_bytes(), type=Request)
        except (OSError, msgspec.DecodeError) as error:
            raise CorruptSpoolError(f"{path} cannot be read: {error}") from error

    def content(self, number: int) -> Path:
        """Return where the file is that a request sends, if it sends one."""
        return self.path / f"{number:08}.content"

    def waiting_paths(self) -> set[str]:
        """Return the paths of the requests that wait."""
        found = set()
        for number in self.numbers():
            try:
                found.add(self.read(number).path)
            except CorruptSpoolError:
                if (self.path / f"{number:08}.request").exists():
                    raise
        return found

    def add(self, request: Request, file: Path | None = None) -> None:
        """Add a request, and a copy of the file that it sends: that may change or go afterwards.

        Raises:
            SpoolFullError: there is no room for it.
            OSError: the file cannot be read.
        """
        with self._lock:
            self._last += 1
            number = self._last
        if file is not None:
            self._keep(file, self.content(number))
        draft = self.path / f"{number:08}.request.new"
        try:
            draft.write_bytes(msgspec.json.encode(request))
            draft.replace(self.path / f"{number:08}.request")
        except OSError as error:
            self.content(number).unlink(missing_ok=True)
            raise SpoolFullError(f"{self.path} takes nothing more: {error}") from error
        self._added()

    def remove(self, number: int) -> None:
        """Remove a request that the server has."""
        (self.path / f"{number:08}.request").unlink()
        self.content(number).unlink(missing_ok=True)

    def refuse(self, number: int) -> str:
        """Set a request aside that the server will not take; return the name of what it sends."""
        kept = self.path / f"{number:08}.request"
        kept.replace(self.path / f"refused-{number:08}.message")
        content = self.content(number)
        if not content.exists():
            return f"refused-{number:08}.message"
        return content.replace(self.path / f"refused-{number:08}.file").name

    def bring_to_disk(self, number: int) -> None:
        """Have a request survive a power failure."""
        for path in (self.content(number), self.path / f"{number:08}.request"):
            try:
                descriptor = os.open(path, os.O_RDONLY)
            except FileNotFoundError:  # it has been sent, or sends no file
                continue
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _keep(self, file: Path, target: Path) -> None:
        size = file.stat().st_size
        waiting = self.size()
        if waiting + size > self._limit:
            raise SpoolFullError(
                f"{file} does not fit: {waiting:,} bytes of files wait in {self.path} already, and "
                f"HEADWATER_SPOOL_ARTIFACT_LIMIT allows {self._limit:,}"
            )
        if shutil.disk_usage(self.path).free < size + _RESERVE:
            raise SpoolFullError(f"{file} does not fit: the disk of {self.path} is nearly full")
        with file.open("rb") as source:
            try:
                with target.open("xb", buffering=0) as kept:
                    _copy(source.fileno(), kept.fileno())
            except OSError as error:
                target.unlink(missing_ok=True)
                raise SpoolFullError(f"{file} cannot be kept in {self.path}: {error}") from error


def _copy(source: int, target: int) -> None:
    """Copy a file by its descriptors; file systems that can share its blocks do so."""
    copy_range = getattr(os, "copy_file_range", None)  # Linux
    if copy_range is not None:
        try:
            while copy_range(source, target, _COPY_BYTES):
                pass
        except OSError:  # not between these file systems: the rest is copied as anywhere
            pass
        else:
            return
    with os.fdopen(os.dup(source), "rb") as opened, os.fdopen(os.dup(target), "wb") as kept:
        shutil.copyfileobj(opened, kept, 1 << 20)


def _number(path: Path) -> int:
    return int(path.stem)
