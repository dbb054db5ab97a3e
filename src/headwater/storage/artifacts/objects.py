"""What the artifact store needs of the place where it keeps its objects."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from headwater.errors import ArtifactStoreError


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


LONGEST_NAME = 255
"""Bytes of each part of a name: file systems take no more, and buckets can be exported to them."""


def parts_of(name: str) -> list[str]:
    """Return the parts of an object's name.

    Raises:
        ArtifactStoreError: it is none.
    """
    parts = name.split("/")
    if "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise ArtifactStoreError(f"{name!r} is no name of an object")
    return parts


class Draft(Protocol):
    """An object that is being written: nobody sees it until it is published.

    One thread at a time. What is given up is removed. Raises as `Objects`.
    """

    def write(self, content: bytes) -> None:
        """Append bytes."""

    def publish(self) -> None:
        """Make it an object durably, in place of one of its name."""


class GatheredDraft:
    """A draft in memory, for places that take an object at once."""

    def __init__(self, objects: "Objects", name: str) -> None:
        self._objects = objects
        self._name = name
        self._parts: list[bytes] = []

    def write(self, content: bytes) -> None:
        """See `Draft.write`."""
        self._parts.append(content)

    def publish(self) -> None:
        """See `Draft.publish`."""
        parts, self._parts = self._parts, []
        self._objects.put(self._name, parts)


class Objects(Protocol):
    """Named byte strings; names are relative paths with slashes.

    All methods block; any thread may call them. What was put is seen by everybody who looks
    afterwards, on any machine.

    Raises:
        ArtifactStoreError: the place fails; StoreUnavailableError where it does not answer.
    """

    is_shared: bool
    """Whether several machines use the place, each with an index of its own."""

    reads_ahead: int
    """Parts of objects to ask for before they are needed; 0: they are at hand."""

    def put(self, name: str, parts: Iterable[bytes]) -> None:
        """Store an object durably, whole or not at all, in place of one of that name.

        Raises:
            ArtifactStoreError: it cannot be stored.
        """

    def draft(self, name: str) -> Draft:
        """Begin an object that comes piece by piece."""

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """Return bytes of an object from `start` on; fewer than `length` where it ends before.

        Raises:
            MissingObjectError: there is none of that name.
        """

    def get_each(
        self, names: Iterable[str], length: int | None = None
    ) -> Iterator[tuple[str, bytes | None]]:
        """Yield objects from their beginning on, in the order of the names, several at a time.

        None stands for one that is not there; `length` as for `get`.
        """

    def find(self, name: str) -> StoredObject | None:
        """Return what is known of an object, None where there is none."""

    def find_each(self, names: Sequence[str]) -> list[StoredObject | None]:
        """Return what `find` does of each, several at a time."""

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Yield all objects below a directory, however deep, in no order; "": all there are."""

    def list_directory(self, prefix: str) -> Directory:
        """Return what is directly below a directory, in the order of the names; "": at the top."""

    def delete(self, name: str) -> bool:
        """Delete an object, and say whether it was there."""

    def delete_each(self, names: Sequence[str]) -> None:
        """Delete objects, those that are there, several at a time."""

    def now(self) -> float:
        """Return the time, in seconds since the epoch, by the clock of `StoredObject.modified`."""
