"""Artifacts that were downloaded once, kept for all processes of a user.

Layout, below the root::

    ab/abcd…            a file, by the BLAKE3 of its content in hexadecimal; not writable
    ab/abcd….stamp      its time of change, and the boot of the machine in which that was noted
    ab/abcd….partial    what has come of one that is being fetched; its lock is whose turn it is
    ab/abcd….ranges     which ranges of that are there, a number a line
    views/…             directories of links to files, while the process that has made them lives

A file is what it was as long as its size and time are those of the stamp. In another boot of the
machine they prove nothing, as a loss of power may have taken content and left both: the file is
then compared with its hash once.
"""

import fcntl
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mlflow.exceptions import MlflowException

from headwater.mlflow_plugin.upload import digest_of

DIRECTORY_VARIABLE = "HEADWATER_CACHE_DIR"
LIMIT_VARIABLE = "HEADWATER_CACHE_LIMIT"
LINKS_VARIABLE = "HEADWATER_CACHE_LINKS"
VIEWS = "views"
_DEFAULT_LIMIT = 20 * 1024**3
_BLOCK = 8 * 1024 * 1024
_READ_ONLY = 0o444
_FICLONE = 0x40049409
"""ioctl(2) of Linux that has a file share another one's blocks. Source: ioctl_ficlone(2)."""

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_POLL_SECONDS = 0.05
_STALLED_SECONDS = 60.0
"""Without a byte, after which a fetch by another process is no longer waited for."""

_LEFT_SECONDS = 7 * 24 * 3600.0
"""After which a fetch that was given up makes room."""

_LINKED_FROM = 64 * 1024
"""Bytes of a file that is linked. Smaller ones are what loaders write anew, and are copied."""

_views_lock = threading.Lock()
_own_views: dict[Path, Path] = {}
"""Of this process, by where they are."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A file that is being fetched into the cache, by this process alone."""

    path: Path
    done: frozenset[int]
    """Numbers of the ranges that are there already."""

    _ranges: Path

    def note(self, number: int) -> None:
        """Note that a range is there; for one thread at a time."""
        with self._ranges.open("a") as file:
            file.write(f"{number}\n")


@dataclass(frozen=True, slots=True)
class View:
    """A directory that is there until it is closed, or this process and its forks have ended."""

    path: Path

    def close(self) -> None:
        """Remove the directory."""
        shutil.rmtree(self.path, ignore_errors=True)


class ArtifactCache:
    """A directory of at most `limit` bytes; any number of processes share it.

    With `links`, large files are linked into place: at no cost, but not to be written.
    """

    def __init__(self, root: Path, limit: int = _DEFAULT_LIMIT, *, links: bool = False) -> None:
        self.root = root
        self._limit = limit
        self._links = links

    def place(self, digest: str, size: int, target: Path) -> bool:
        """Put a file that is kept into place, and say whether it is."""
        kept = self._path(digest)
        try:
            if not self._is_sound(kept, digest, size):
                return False
            self._give(kept, target)
        except (OSError, ValueError):
            return False
        return True

    def holds(self, digest: str, size: int) -> bool:
        """Say whether a file is kept."""
        try:
            return self._is_sound(self._path(digest), digest, size)
        except (OSError, ValueError):
            return False

    def takes(self, size: int) -> bool:
        """Say whether a file of so many bytes is kept at all."""
        return size <= self._limit

    @contextmanager
    def fetching(self, digest: str, size: int) -> Iterator[Draft | None]:
        """Have the file fetched: by whoever gets a draft, while all others wait.

        None: it is there now, or cannot be had in this way. What a process that was killed has
        left of the draft is there for the next one. A draft that the block ends without an
        exception must be whole.
        """
        partial = self._path(digest).with_suffix(".partial")
        descriptor = self._locked(partial, digest, size)
        if descriptor is None:
            yield None
            return
        ranges = partial.with_suffix(".ranges")
        try:
            # What has been written of a range in another boot may be lost.
            done = _numbers(ranges) if os.fstat(descriptor).st_size == size else frozenset()
            if not done:
                ranges.write_text(f"{_boot()}\n")
                self._make_room(size)
            yield Draft(partial, done, ranges)
            self._publish(partial, digest)
        finally:
            os.close(descriptor)

    def discard(self, digest: str) -> None:
        """Remove a draft that is no good. For whoever has it."""
        partial = self._path(digest).with_suffix(".partial")
        partial.with_suffix(".ranges").unlink(missing_ok=True)
        partial.unlink(missing_ok=True)

    def view(self) -> "View":
        """Return a new directory beside the kept files. Raises OSError."""
        views = self.root / VIEWS
        views.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(views)
        with _views_lock:
            if views not in _own_views:
                _own_views[views] = _claimed(views)
            path = _own_views[views] / uuid.uuid4().hex
        path.mkdir(mode=0o700, parents=True)
        return View(path)

    def _is_sound(self, kept: Path, digest: str, size: int) -> bool:
        stamp = kept.with_suffix(".stamp")
        about = kept.stat()
        time_noted, _, boot = stamp.read_text().partition(" ")
        is_same = about.st_size == size and about.st_mtime_ns == int(time_noted)
        if is_same and boot != _boot():
            is_same = digest_of(kept) == digest
            if is_same:
                _write_whole(stamp, f"{about.st_mtime_ns} {_boot()}")
        if not is_same:
            self._drop(kept)
            return False
        os.utime(stamp)  # it was used
        return True

    def _locked(self, partial: Path, digest: str, size: int) -> int | None:
        """Return a draft's descriptor, locked; None where none is needed or to be had."""
        if not self.takes(size):
            return None
        try:
            partial.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            while True:
                descriptor = os.open(partial, os.O_RDWR | os.O_CREAT, 0o600)
                if _lock(descriptor, partial) and not self.holds(digest, size):
                    return descriptor
                os.close(descriptor)
                if self.holds(digest, size):
                    partial.unlink(missing_ok=True)
                    return None
                if _is_stalled(partial):
                    return None
                time.sleep(_POLL_SECONDS)
        except OSError:  # a directory that cannot be written
            return None

    def _publish(self, partial: Path, digest: str) -> None:
        kept = self._path(digest)
        partial.chmod(_READ_ONLY)
        _write_whole(kept.with_suffix(".stamp"), f"{partial.stat().st_mtime_ns} {_boot()}")
        partial.replace(kept)
        partial.with_suffix(".ranges").unlink(missing_ok=True)

    def _give(self, kept: Path, target: Path) -> None:
        draft = target.with_name(f".{uuid.uuid4().hex}")
        try:
            is_large = kept.stat().st_size >= _LINKED_FROM
            if not (self._links and is_large and _link(kept, draft)):
                _copy(kept, draft)
            draft.replace(target)
        except OSError:
            draft.unlink(missing_ok=True)
            raise

    def _make_room(self, size: int) -> None:
        """Remove what was used longest ago until there is room."""
        entries = []
        for stamp in self.root.glob("*/*.stamp"):
            try:
                entries.append((stamp.stat().st_mtime, stamp.with_suffix("").stat().st_size, stamp))
            except OSError:  # removed by another process
                continue
        _sweep(self.root / VIEWS)
        total = sum(entry[1] for entry in entries)
        for _, held, stamp in sorted(entries, key=lambda entry: entry[0]):
            if total + size <= self._limit:
                break
            self._drop(stamp.with_suffix(""))
            total -= held
        for left in (*self.root.glob("*/*.partial"), *self.root.glob("*/*.draft")):
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > _LEFT_SECONDS:
                    left.unlink()
                    left.with_suffix(".ranges").unlink(missing_ok=True)

    def _drop(self, kept: Path) -> None:
        kept.unlink(missing_ok=True)
        kept.with_suffix(".stamp").unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        return self.root / digest[:2] / digest


def default_cache(*, links: bool = False) -> ArtifactCache:
    """Return the cache that HEADWATER_CACHE_DIR and the like name, or else the user's.

    `links`: link into place whatever the setting.

    Raises:
        MlflowException: the limit is no number.
    """
    named = os.environ.get(DIRECTORY_VARIABLE)
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    root = Path(named) if named else Path(home) / "headwater" / "artifacts"
    limit = os.environ.get(LIMIT_VARIABLE) or str(_DEFAULT_LIMIT)
    if not limit.isdecimal():
        raise MlflowException.invalid_parameter_value(
            f"{LIMIT_VARIABLE} must be a number of bytes, not {limit!r}"
        )
    is_set = os.environ.get(LINKS_VARIABLE, "").lower() in ("true", "1")
    return ArtifactCache(root, int(limit), links=links or is_set)


def _lock(descriptor: int, path: Path) -> bool:
    """Lock a file, and say whether that could be done and it still has its name."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        named, opened = path.stat(), os.fstat(descriptor)
    except OSError:
        return False
    return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)


def _is_stalled(partial: Path) -> bool:
    try:
        return time.time() - partial.stat().st_mtime > _STALLED_SECONDS
    except OSError:  # published, or given up
        return False


def _numbers(ranges: Path) -> frozenset[int]:
    """Return what was noted in this boot of the machine."""
    try:
        boot, *numbers = ranges.read_text().split("\n")
    except (OSError, UnicodeDecodeError):
        return frozenset()
    if boot != _boot():
        return frozenset()
    return frozenset(int(each) for each in numbers[:-1] if each.isdecimal())


def _boot() -> str:
    """Return what is different after each start of the machine, and else unique."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return uuid.uuid4().hex


def _write_whole(path: Path, text: str) -> None:
    draft = path.with_name(f"{uuid.uuid4().hex}.draft")
    draft.write_text(text)
    draft.replace(path)


def _claimed(views: Path) -> Path:
    """Return a new name for the directories of this process; see `_sweep`."""
    path = views / uuid.uuid4().hex
    lock = path.with_suffix(".lock")
    while True:
        # Held open, and so locked, until the process and its forks end, whatever ends them.
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        if _lock(descriptor, lock):
            return path
        os.close(descriptor)  # just swept away


def _sweep(views: Path) -> None:
    """Remove the directories of processes that have ended."""
    for lock in views.glob("*.lock"):
        with suppress(OSError):
            descriptor = os.open(lock, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
                lock.unlink()
            finally:
                os.close(descriptor)


def _link(kept: Path, draft: Path) -> bool:
    try:
        os.link(kept, draft)
    except OSError:  # another file system, or one that has no links
        return False
    return True


def _copy(source: Path, target: Path) -> None:
    """Copy a file: where the file system can, in no time and without taking room."""
    with source.open("rb") as read, target.open("wb") as written:
        try:
            fcntl.ioctl(written.fileno(), _FICLONE, read.fileno())
        except OSError:
            shutil.copyfileobj(read, written, _BLOCK)
