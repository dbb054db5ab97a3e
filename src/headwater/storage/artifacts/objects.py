"""What the artifact store needs of the place where it keeps its objects."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as a listing tells it."""

    name: str
    size: int
    modified: float
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Directory:
    """What is directly below a prefix."""

    directories: tuple[str, ...]
    """Whole names, without a slash at the end."""

    objects: tuple[StoredObject, ...]


class Objects(Protocol):
    """Named byte strings; names are relative paths with slashes.

    All methods block; any thread may call them.
    """

    def put(self, name: str, parts: Iterable[bytes]) -> None:
        """Store an object durably, whole or not at all, in place of one of that name.

        Raises:
            ArtifactStoreError: it cannot be stored.
        """

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """Return bytes of an object from `start` on; fewer than `length` where it ends before.

        Raises:
            MissingObjectError: there is none of that name.
        """

    def find(self, name: str) -> StoredObject | None:
        """Return what is known of an object, None where there is none."""

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Yield all objects below a directory, however deep, in no order."""

    def list_directory(self, prefix: str) -> Directory:
        """Return what is directly below a directory, in the order of the names."""

    def delete(self, name: str) -> bool:
        """Delete an object, and say whether it was there."""
