"""Plain files of a directory."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from headwater.errors import ArtifactStoreError
from headwater.storage.artifacts.objects import LONGEST_NAME
from headwater.storage.artifacts.plain import STORE_DIRECTORY, Opened
from headwater.storage.artifacts.store import Listed

_BLOCK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    size: int

    def read(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """See `Readable.read`."""
        end = self.size if end is None else min(end, self.size)
        with self.path.open("rb") as file:
            file.seek(start)
            while start < end and (content := file.read(min(_BLOCK, end - start))):
                start += len(content)
                yield content


class PlainDirectory:
    """The files below a directory, without those that a link leads out to."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def open(self, path: str) -> Opened | None:
        """See `PlainFiles.open`."""
        place = self._place(path)
        if place is None or not place.is_file():
            return None
        about = place.stat()
        tag = f"{about.st_mtime_ns:x}-{about.st_size:x}"
        return Opened(about.st_size, tag, _File(place, about.st_size))

    def is_directory(self, path: str) -> bool:
        """See `PlainFiles.is_directory`."""
        place = self._place(path)
        return place is not None and place.is_dir()

    def list(self, path: str) -> Iterator[Listed]:
        """See `PlainFiles.list`."""
        place = self._place(path)
        if place is None or not place.is_dir():
            return
        for entry in os.scandir(place):
            name = f"{path}/{entry.name}" if path else entry.name
            if entry.name == STORE_DIRECTORY and not path:
                continue
            if entry.is_dir():
                yield Listed(name, None)
            elif entry.is_file():
                yield Listed(name, entry.stat().st_size)

    def delete(self, path: str) -> int:
        """See `PlainFiles.delete`."""
        place = self._place(path)
        try:
            return 0 if place is None else _delete(place)
        except OSError as error:
            raise ArtifactStoreError(f"{path} cannot be deleted: {error.strerror}") from error

    def _place(self, path: str) -> Path | None:
        """Return where a plain file of that path would be; None where it would lead elsewhere."""
        parts = path.split("/") if path else []
        if any(part in ("", ".", "..") or "\0" in part for part in parts):
            return None
        if any(len(os.fsencode(part)) > LONGEST_NAME for part in parts):
            return None
        if parts[:1] == [STORE_DIRECTORY]:
            return None
        place = self._root.joinpath(*parts)
        # A link must not lead out of the directory.
        is_inside = place.resolve().is_relative_to(self._root.resolve())
        return place if is_inside else None


def _delete(place: Path) -> int:
    """Delete a file or a directory, and return how many files that were."""
    if place.is_file():
        place.unlink()
        return 1
    count = 0
    for directory, below, names in os.walk(place, topdown=False):
        links = [name for name in below if Path(directory, name).is_symlink()]
        for name in (*names, *links):
            Path(directory, name).unlink()
            count += 1
        Path(directory).rmdir()
    return count
