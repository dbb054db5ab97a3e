"""Plain files as objects of a bucket, as MLflow's ``s3:`` artifact roots have them."""

from collections.abc import Iterator
from dataclasses import dataclass

from headwater.errors import ArtifactStoreError
from headwater.storage.artifacts.objects import Objects, parts_of
from headwater.storage.artifacts.plain import STORE_DIRECTORY, Opened
from headwater.storage.artifacts.store import Listed

_BLOCK = 4 * 1024 * 1024
_DELETED_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class _Object:
    objects: Objects
    name: str
    size: int

    def read(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """See `Readable.read`."""
        end = self.size if end is None else min(end, self.size)
        while start < end:
            content = self.objects.get(self.name, start, min(_BLOCK, end - start))
            if not content:
                raise ArtifactStoreError(f"{self.name} has become shorter meanwhile")
            start += len(content)
            yield content


class PlainObjects:
    """The objects below a prefix, without those of the store."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def open(self, path: str) -> Opened | None:
        """See `PlainFiles.open`."""
        if not _is_plain(path):
            return None
        found = self._objects.find(path)
        if found is None:
            return None
        tag = f"{int(found.modified * 1000):x}-{found.size:x}"
        return Opened(found.size, tag, _Object(self._objects, path, found.size))

    def is_directory(self, path: str) -> bool:
        """See `PlainFiles.is_directory`: there is one where something is below it."""
        return next(self.list(path), None) is not None

    def list(self, path: str) -> Iterator[Listed]:
        """See `PlainFiles.list`."""
        if path and not _is_plain(path):
            return
        found = self._objects.list_directory(path)
        for name in found.directories:
            if name != STORE_DIRECTORY:
                yield Listed(name, None)
        for each in found.objects:
            if each.name != path:  # what consoles put where somebody makes a folder
                yield Listed(each.name, each.size)

    def delete(self, path: str) -> int:
        """See `PlainFiles.delete`."""
        if not _is_plain(path):
            return 0
        if self._objects.delete(path):
            return 1
        count = 0
        names: list[str] = []
        for each in self._objects.list(path):
            names.append(each.name)
            if len(names) == _DELETED_AT_ONCE:
                self._objects.delete_each(names)
                count += len(names)
                names = []
        self._objects.delete_each(names)
        return count + len(names)


def _is_plain(path: str) -> bool:
    try:
        parts = parts_of(path)
    except ArtifactStoreError:
        return False
    return parts[0] != STORE_DIRECTORY
