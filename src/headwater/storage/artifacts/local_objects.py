"""Objects as files below a directory: published by renaming, on the disk before that."""

import errno
import os
import time
import uuid
import weakref
from collections.abc import Iterable, Iterator, Sequence
from io import BufferedWriter, FileIO
from pathlib import Path

from headwater.errors import ArtifactStoreError, MissingObjectError, StoreFullError
from headwater.storage.artifacts.begin_writing import begin_writing
from headwater.storage.artifacts.objects import Directory, Draft, StoredObject, parts_of

_DRAFTS = "drafts"
"""Directory of files that are being written; what stands there for long was left by a crash."""

_BUFFER = 256 * 1024
_AHEAD = 4 * 1024 * 1024
"""Of a draft, until the disk begins with it."""

_NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG})
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class LocalObjects:
    """Objects below `root`, for any number of processes of this machine."""

    is_shared = False
    reads_ahead = 0

    def __init__(self, root: Path) -> None:
        self.root = root
        self._drafts = root / _DRAFTS

    def put(self, name: str, parts: Iterable[bytes]) -> None:
        """See `Objects.put`."""
        draft = self._begin(name)
        for part in parts:
            draft.write(part)
        draft.publish()

    def draft(self, name: str) -> Draft:
        """See `Objects.draft`."""
        return self._begin(name)

    def _begin(self, name: str) -> "LocalDraft":
        path = self._path(name)
        try:
            self._drafts.mkdir(parents=True, exist_ok=True)
            return LocalDraft(self._drafts / uuid.uuid4().hex, path, name)
        except OSError as error:
            raise _translated(error, name) from error

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """See `Objects.get`."""
        try:
            descriptor = os.open(self._path(name), os.O_RDONLY)
        except OSError as error:
            if error.errno in _NOT_THERE:
                raise MissingObjectError(name) from error
            raise _translated(error, name) from error
        try:
            if length is None:
                length = max(0, os.fstat(descriptor).st_size - start)
            return os.pread(descriptor, length, start)
        except IsADirectoryError as error:
            raise MissingObjectError(name) from error
        finally:
            os.close(descriptor)

    def get_each(
        self, names: Iterable[str], length: int | None = None
    ) -> Iterator[tuple[str, bytes | None]]:
        """See `Objects.get_each`: a disk is no faster for being asked many things at once."""
        for name in names:
            try:
                yield name, self.get(name, 0, length)
            except MissingObjectError:
                yield name, None

    def find(self, name: str) -> StoredObject | None:
        """See `Objects.find`."""
        path = self._path(name)
        try:
            found = path.stat()
        except OSError as error:
            if error.errno in _NOT_THERE:
                return None
            raise _translated(error, name) from error
        return StoredObject(name, found.st_size, found.st_mtime) if path.is_file() else None

    def find_each(self, names: Sequence[str]) -> "list[StoredObject | None]":
        """See `Objects.find_each`."""
        return [self.find(name) for name in names]

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """See `Objects.list`."""
        top = self._directory(prefix)
        for directory, _, names in os.walk(top):
            for name in names:
                path = Path(directory, name)
                try:
                    found = path.stat()
                except FileNotFoundError:  # deleted meanwhile
                    continue
                relative = path.relative_to(self.root).as_posix()
                yield StoredObject(relative, found.st_size, found.st_mtime)

    def list_directory(self, prefix: str) -> Directory:
        """See `Objects.list_directory`."""
        directories, objects = [], []
        try:
            entries = sorted(os.scandir(self._directory(prefix)), key=lambda entry: entry.name)
        except OSError as error:
            if error.errno in _NOT_THERE:
                return Directory((), ())
            raise _translated(error, prefix) from error
        for entry in entries:
            name = f"{prefix}/{entry.name}" if prefix else entry.name
            if entry.is_dir(follow_symlinks=False):
                directories.append(name)
            elif entry.is_file(follow_symlinks=False):
                found = entry.stat()
                objects.append(StoredObject(name, found.st_size, found.st_mtime))
        return Directory(tuple(directories), tuple(objects))

    def delete(self, name: str) -> bool:
        """See `Objects.delete`. Directories that it leaves empty go as well."""
        path = self._path(name)
        try:
            path.unlink()
        except OSError as error:
            if error.errno in _NOT_THERE:
                return False
            raise _translated(error, name) from error
        for directory in path.parents:
            if directory == self.root or directory.parent == self.root:
                break
            try:
                directory.rmdir()
            except OSError:  # it is not empty, or is being filled
                break
        return True

    def delete_each(self, names: Sequence[str]) -> None:
        """See `Objects.delete_each`."""
        for name in names:
            self.delete(name)

    def now(self) -> float:
        """See `Objects.now`."""
        return time.time()

    def _directory(self, prefix: str) -> Path:
        return self._path(prefix) if prefix else self.root

    def _path(self, name: str) -> Path:
        return self.root.joinpath(*parts_of(name))


class LocalDraft:
    """A file that becomes an object by renaming; see `Draft`."""

    def __init__(self, draft: Path, path: Path, name: str) -> None:
        """Raises OSError."""
        raw = FileIO(draft, "xb", opener=lambda path, flags: os.open(path, flags, 0o600))
        self._file = BufferedWriter(raw, _BUFFER)
        self._draft, self._path, self._name = draft, path, name
        self._size, self._on_its_way = 0, 0
        self._give_up = weakref.finalize(self, _remove, raw, draft)

    def write(self, content: bytes) -> None:
        """See `Draft.write`. The disk begins at once: less is to be waited for at the end."""
        try:
            self._file.write(content)
            self._size += len(content)
            if self._size - self._on_its_way >= _AHEAD:
                self._file.flush()
                begin_writing(self._file.fileno(), self._on_its_way, self._size)
                self._on_its_way = self._size
        except OSError as error:
            self._give_up()
            raise _translated(error, self._name) from error

    def publish(self) -> None:
        """See `Draft.publish`."""
        try:
            self._file.flush()
            os.fdatasync(self._file.fileno())
            self._file.close()
            _rename(self._draft, self._path)
        except OSError as error:
            raise _translated(error, self._name) from error
        finally:
            self._give_up()


def _remove(file: FileIO, draft: Path) -> None:
    """Close and remove a draft, which may have become an object."""
    file.close()
    draft.unlink(missing_ok=True)


def _rename(draft: Path, path: Path) -> None:
    # Whoever deletes the last file of a directory may remove that meanwhile.
    for attempt in range(5):
        made = _made_directories(path.parent)
        try:
            draft.rename(path)
            break
        except FileNotFoundError:
            if attempt == 4:
                raise
    for directory in (path.parent, *made):
        _bring_to_disk(directory)


def _made_directories(directory: Path) -> list[Path]:
    """Make a directory with those above it, and return the ones that have got a new entry."""
    missing = []
    at = directory
    while not at.exists():
        missing.append(at)
        at = at.parent
    directory.mkdir(parents=True, exist_ok=True)
    return [each.parent for each in missing]


def _bring_to_disk(directory: Path) -> None:
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except FileNotFoundError:  # somebody has deleted all that was in it
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _translated(error: OSError, name: str) -> ArtifactStoreError:
    if error.errno in _NO_ROOM:
        return StoreFullError(f"no room is left for {name}")
    return ArtifactStoreError(f"{name} cannot be stored: {error.strerror or error}")
