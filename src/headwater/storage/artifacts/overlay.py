"""Files of the artifact store, with plain files of its place beside them.

A directory or bucket that MLflow has filled with plain files goes on to be read when the store is
opened in it; what is written goes into the store.
"""

import mimetypes
import os
from pathlib import Path, PurePosixPath

from headwater.errors import ArtifactStoreError, InvalidParameterError
from headwater.storage.artifacts.build import Stored
from headwater.storage.artifacts.objects import LONGEST_NAME
from headwater.storage.artifacts.plain import STORE_DIRECTORY, Opened, PlainFiles
from headwater.storage.artifacts.plain_directory import PlainDirectory
from headwater.storage.artifacts.store import (
    ArtifactStore,
    FileAssembly,
    FileWriter,
    Likeness,
    Listed,
    open_local_store,
)

__all__ = ["STORE_DIRECTORY", "Artifacts", "Opened", "media_type", "open_directory"]


class Artifacts:
    """The artifacts of a server, in one place; any thread may use them."""

    def __init__(self, store: ArtifactStore, plain: PlainFiles) -> None:
        self.store = store
        self._plain = plain

    def create(self, path: str) -> FileWriter:
        """Begin to store a file.

        Raises:
            InvalidParameterError: it cannot have that path.
        """
        self._require_free(path)
        return self.store.create(path)

    def assemble(self, path: str, likeness: Likeness | None = None) -> FileAssembly:
        """Begin to store a file of which a client has cut the chunks. Raises as `create`."""
        self._require_free(path)
        return self.store.assemble(path, likeness)

    def copy(self, path: str, recipe: bytes) -> Stored | None:
        """Store the file of these chunks if the store has one. Raises as `create`."""
        self._require_free(path)
        return self.store.copy(path, recipe)

    def _require_free(self, path: str) -> None:
        parts = path.split("/")
        if any(len(os.fsencode(part)) > LONGEST_NAME for part in parts):
            raise InvalidParameterError(
                f"Invalid artifact path: a name in it has more than {LONGEST_NAME} bytes"
            )
        if self.is_directory(path):
            raise InvalidParameterError(f"Invalid artifact path: '{path}' is a directory")
        above = self.store.file_above(path)
        if above is not None:
            raise InvalidParameterError(f"Invalid artifact path: '{above}' is a file")

    def open(self, path: str) -> Opened | None:
        """Return a file to read, None where there is none. Raises CorruptArtifactError."""
        found = self.store.open(path)
        if found is None:
            return self._plain.open(path)
        return Opened(found.head.size, found.head.digest.hex(), found)

    def is_directory(self, path: str) -> bool:
        """Say whether there is anything below a path."""
        return self.store.is_directory(path) or self._plain.is_directory(path)

    def list(self, path: str) -> list[Listed]:
        """Return what is directly below a directory, in the order of the names."""
        found = {each.path: each for each in self._plain.list(path)}
        found.update((each.path, each) for each in self.store.list(path))
        return sorted(found.values(), key=lambda each: each.path)

    def delete(self, path: str) -> int:
        """Delete a file, or all below a directory, and return how many files that were.

        Raises:
            ArtifactStoreError: the path is that of all artifacts.
        """
        if not path:
            raise ArtifactStoreError("all artifacts at once are not deleted")
        return self.store.delete(path) + self._plain.delete(path)

    def close(self) -> None:
        """Close the store."""
        self.store.close()


def open_directory(root: Path) -> Artifacts:
    """Open the artifacts below a directory. Raises ArtifactStoreError if it cannot be used."""
    return Artifacts(open_local_store(root / STORE_DIRECTORY), PlainDirectory(root))


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
