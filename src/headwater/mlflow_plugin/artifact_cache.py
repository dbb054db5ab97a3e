"""Artifacts that were downloaded once, kept for all processes of a user.

Files by the BLAKE3 of their content. They are not writable; one that was changed all the same is
noticed by its time and size, and dropped.
"""

import fcntl
import os
import shutil
import time
import uuid
from pathlib import Path

from blake3 import blake3
from mlflow.exceptions import MlflowException

DIRECTORY_VARIABLE = "HEADWATER_CACHE_DIR"
LIMIT_VARIABLE = "HEADWATER_CACHE_LIMIT"
LINKS_VARIABLE = "HEADWATER_CACHE_LINKS"
_DEFAULT_LIMIT = 20 * 1024**3
_BLOCK = 8 * 1024 * 1024
_READ_ONLY = 0o444
_FICLONE = 0x40049409
"""ioctl(2) of Linux that has a file share another one's blocks. Source: ioctl_ficlone(2)."""


class ArtifactCache:
    """A directory of at most `limit` bytes; any number of processes share it.

    With `links`, what is asked for is linked into place: at no cost, but not to be written.
    """

    def __init__(self, root: Path, limit: int = _DEFAULT_LIMIT, *, links: bool = False) -> None:
        self._root = root
        self._limit = limit
        self._links = links

    def place(self, digest: str, size: int, target: Path) -> bool:
        """Put a file that is kept into place, and say whether it is."""
        kept = self._path(digest)
        try:
            about = kept.stat()
            stamp = int(kept.with_suffix(".stamp").read_text())
            if about.st_size != size or about.st_mtime_ns != stamp:
                self._drop(kept)
                return False
            os.utime(kept.with_suffix(".stamp"))  # it was used
            self._give(kept, target)
        except (OSError, ValueError):
            return False
        return True

    def keep(self, digest: str, size: int, source: Path) -> None:
        """Keep a file that was downloaded.

        Raises:
            MlflowException: it is not what was announced.
        """
        found = blake3()
        with source.open("rb") as file:
            while block := file.read(_BLOCK):
                found.update(block)
        if found.hexdigest() != digest:
            raise MlflowException(f"{source.name} was damaged on its way; download it again")
        if size > self._limit:
            return
        kept = self._path(digest)
        draft = kept.with_name(f"{uuid.uuid4().hex}.draft")
        try:
            kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_room(size)
            _copy(source, draft)
            draft.chmod(_READ_ONLY)
            kept.with_suffix(".stamp").write_text(str(draft.stat().st_mtime_ns))
            draft.replace(kept)
        except OSError:  # no room for it: the file is where it was wanted anyway
            draft.unlink(missing_ok=True)

    def _give(self, kept: Path, target: Path) -> None:
        draft = target.with_name(f".{uuid.uuid4().hex}")
        if self._links:
            os.link(kept, draft)
        else:
            _copy(kept, draft)
        draft.replace(target)

    def _make_room(self, size: int) -> None:
        """Remove what was used longest ago until there is room."""
        entries = []
        for stamp in self._root.glob("*/*.stamp"):
            try:
                entries.append((stamp.stat().st_mtime, stamp.with_suffix("").stat().st_size, stamp))
            except OSError:  # removed by another process
                continue
        total = sum(entry[1] for entry in entries)
        for _, held, stamp in sorted(entries, key=lambda entry: entry[0]):
            if total + size <= self._limit:
                break
            self._drop(stamp.with_suffix(""))
            total -= held
        for draft in self._root.glob("*/*.draft"):
            try:
                if time.time() - draft.stat().st_mtime > 24 * 3600:
                    draft.unlink()
            except OSError:
                continue

    def _drop(self, kept: Path) -> None:
        kept.unlink(missing_ok=True)
        kept.with_suffix(".stamp").unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        return self._root / digest[:2] / digest


def default_cache() -> ArtifactCache:
    """Return the cache that HEADWATER_CACHE_DIR and the like name, or else the user's.

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
    links = os.environ.get(LINKS_VARIABLE, "").lower() in ("true", "1")
    return ArtifactCache(root, int(limit), links=links)


def _copy(source: Path, target: Path) -> None:
    """Copy a file: where the file system can, in no time and without taking room."""
    with source.open("rb") as read, target.open("wb") as written:
        try:
            fcntl.ioctl(written.fileno(), _FICLONE, read.fileno())
        except OSError:
            shutil.copyfileobj(read, written, _BLOCK)
