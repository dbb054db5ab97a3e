"""Files of the artifact store, with plain files of its directory beside them.

A directory that MLflow has filled with plain files goes on to be read when the store is opened in
it; what is written goes into the store.
"""

import mimetypes
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from headwater.errors import ArtifactStoreError, InvalidParameterError
from headwater.storage.artifacts.store import (
    ArtifactStore,
    FileAssembly,
    FileWriter,
    Listed,
    StoredFile,
    open_local_store,
)

STORE_DIRECTORY = ".headwater-store"
"""Where the store is, in the directory of the artifacts."""

_BLOCK = 1024 * 1024
_LONGEST_NAME = 255
"""Bytes that file systems take."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that can be read."""

    size: int
    tag: str
    """Differs where the content does."""

    source: "StoredFile | Path"

    def read(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` to before `end`. Raises CorruptArtifactError."""
        if isinstance(self.source, StoredFile):
            yield from self.source.read(start, end)
            return
        end = self.size if end is None else min(end, self.size)
        with self.source.open("rb") as file:
            file.seek(start)
            while start < end and (content := file.read(min(_BLOCK, end - start))):
                start += len(content)
                yield content


class Artifacts:
    """The artifacts of a server, below one directory; any thread may use them."""

    def __init__(self, root: Path) -> None:
        """Raises ArtifactStoreError if the directory cannot be used."""
        self.root = root
        self.store: ArtifactStore = open_local_store(root / STORE_DIRECTORY)

    def create(self, path: str) -> FileWriter:
        """Begin to store a file.

        Raises:
            InvalidParameterError: it cannot have that path.
        """
        self._require_free(path)
        return self.store.create(path)

    def assemble(self, path: str) -> FileAssembly:
        """Begin to store a file of which a client has cut the chunks. Raises as `create`."""
        self._require_free(path)
        return self.store.assemble(path)

    def _require_free(self, path: str) -> None:
        parts = path.split("/")
        if any(len(os.fsencode(part)) > _LONGEST_NAME for part in parts):
            raise InvalidParameterError(
                f"Invalid artifact path: a name in it has more than {_LONGEST_NAME} bytes"
            )
        if self.is_directory(path):
            raise InvalidParameterError(f"Invalid artifact path: '{path}' is a directory")
        for count in range(1, len(parts)):
            above = "/".join(parts[:count])
            if self.store.find(above) is not None:
                raise InvalidParameterError(f"Invalid artifact path: '{above}' is a file")

    def open(self, path: str) -> Opened | None:
        """Return a file to read, None where there is none. Raises CorruptArtifactError."""
        found = self.store.open(path)
        if found is not None:
            return Opened(found.head.size, found.head.digest.hex(), found)
        plain = self._plain(path)
        if plain is None or not plain.is_file():
            return None
        about = plain.stat()
        return Opened(about.st_size, f"{about.st_mtime_ns:x}-{about.st_size:x}", plain)

    def is_directory(self, path: str) -> bool:
        """Say whether there is anything below a path."""
        plain = self._plain(path)
        return self.store.is_directory(path) or (plain is not None and plain.is_dir())

    def list(self, path: str) -> list[Listed]:
        """Return what is directly below a directory, in the order of the names."""
        found = {each.path: each for each in self._plain_list(path)}
        found.update((each.path, each) for each in self.store.list(path))
        return sorted(found.values(), key=lambda each: each.path)

    def delete(self, path: str) -> int:
        """Delete a file, or all below a directory, and return how many files that were.

        Raises:
            ArtifactStoreError: the path is that of all artifacts.
        """
        if not path:
            raise ArtifactStoreError("all artifacts at once are not deleted")
        count = self.store.delete(path)
        plain = self._plain(path)
        try:
            return count if plain is None else count + _delete_plain(plain)
        except OSError as error:
            raise ArtifactStoreError(f"{path} cannot be deleted: {error.strerror}") from error

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def _plain_list(self, path: str) -> Iterator[Listed]:
        plain = self._plain(path)
        if plain is None or not plain.is_dir():
            return
        for entry in os.scandir(plain):
            name = f"{path}/{entry.name}" if path else entry.name
            if entry.name == STORE_DIRECTORY and not path:
                continue
            if entry.is_dir():
                yield Listed(name, None)
            elif entry.is_file():
                yield Listed(name, entry.stat().st_size)

    def _plain(self, path: str) -> Path | None:
        """Return where a plain file of that path would be; None where it would lead elsewhere."""
        parts = path.split("/") if path else []
        if any(part in ("", ".", "..") or "\0" in part for part in parts):
            return None
        if any(len(os.fsencode(part)) > _LONGEST_NAME for part in parts):
            return None
        if parts[:1] == [STORE_DIRECTORY]:
            return None
        place = self.root.joinpath(*parts)
        # A link must not lead out of the directory.
        is_inside = place.resolve().is_relative_to(self.root.resolve())
        return place if is_inside else None


def _delete_plain(plain: Path) -> int:
    """Delete a file or a directory, and return how many files that were."""
    if plain.is_file():
        plain.unlink()
        return 1
    count = 0
    for directory, below, names in os.walk(plain, topdown=False):
        links = [name for name in below if Path(directory, name).is_symlink()]
        for name in (*names, *links):
            Path(directory, name).unlink()
            count += 1
        Path(directory).rmdir()
    return count


_TEXT = frozenset(
    {"txt", "log", "err", "cfg", "conf", "cnf", "cf", "ini", "properties", "prop", "hocon", "toml"}
    | {"yaml", "yml", "xml", "json", "js", "py", "py3", "csv", "tsv", "md", "rst", "ipynb"}
    | {"MLmodel", "MLproject"}
)
"""Extensions that MLflow takes for text."""


def media_type(path: str) -> str:
    """Return the type that MLflow gives a file of that name."""
    name = path.rpartition("/")[2]
    extension = PurePosixPath(name).suffix.removeprefix(".") or name
    if extension in _TEXT:
        return "text/plain"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
