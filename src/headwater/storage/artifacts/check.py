"""Reads all files and says which are damaged."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from blake3 import blake3

from headwater.errors import CorruptArtifactError
from headwater.storage.artifacts.store import ArtifactStore


@dataclass(frozen=True, slots=True)
class Damaged:
    """A file that cannot be read as it was stored."""

    path: str
    fault: str


def check(
    store: ArtifactStore, report: Callable[[int], object] = lambda _: None
) -> Iterator[Damaged]:
    """Yield the damaged files; `report` takes the bytes of each file that was read."""
    for path in store.paths():
        try:
            found = store.open(path)
            if found is None:  # deleted meanwhile
                continue
            digest = blake3()
            for content in found.read():
                digest.update(content)
            if digest.digest() != found.head.digest:
                raise CorruptArtifactError(f"{path}: its chunks are not those of the file")
        except CorruptArtifactError as error:
            yield Damaged(path, str(error))
            continue
        report(found.head.size)
