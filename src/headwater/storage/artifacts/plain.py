"""Plain files beside the artifact store: what MLflow had put there before."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Protocol

from headwater.storage.artifacts.cut import Bytes
from headwater.storage.artifacts.store import Listed

STORE_DIRECTORY = ".headwater-store"
"""Where the store is, in the directory or bucket of the artifacts."""


class Readable(Protocol):
    """Something that can be read in parts."""

    def read(self, start: int = 0, end: int | None = None) -> Iterator[Bytes]:
        """Yield the bytes from `start` to before `end`. Raises CorruptArtifactError."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that can be read."""

    size: int
    tag: str
    """Differs where the content does."""

    source: Readable

    def read(self, start: int = 0, end: int | None = None) -> Generator[Bytes, None, None]:
        """Yield the bytes from `start` to before `end`. Raises CorruptArtifactError."""
        yield from self.source.read(start, end)


class PlainFiles(Protocol):
    """Files by paths, beside the store; never those of the store itself."""

    def open(self, path: str) -> Opened | None:
        """Return a file to read, None where there is none."""

    def is_directory(self, path: str) -> bool:
        """Say whether a path is that of a directory."""

    def list(self, path: str) -> Iterator[Listed]:
        """Yield what is directly below a directory, in no order."""

    def delete(self, path: str) -> int:
        """Delete a file, or all below a directory, and return how many files that were.

        Raises:
            ArtifactStoreError: one of them cannot be deleted.
        """
