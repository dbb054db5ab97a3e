"""Reads all files and says which are damaged, and what is missing or in nobody's use."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from blake3 import blake3

from headwater.errors import CorruptArtifactError, MissingObjectError
from headwater.storage.artifacts import pack
from headwater.storage.artifacts.build import CONDEMNED
from headwater.storage.artifacts.pack import read_table
from headwater.storage.artifacts.references import read_references
from headwater.storage.artifacts.store import ArtifactStore


@dataclass(frozen=True, slots=True)
class Damaged:
    """A file that cannot be read as it was stored."""

    path: str
    fault: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """What there is of packs, against what files need."""

    missing: tuple[str, ...]
    """Packs that files need and that are not there; `check` names the files."""

    unreadable: tuple[str, ...]
    """Packs whose table is damaged, so that an index cannot be made of them."""

    orphaned: int
    """Packs that no file needs: a collection removes them when they are old enough."""

    orphaned_bytes: int
    condemned: int
    """Packs that are about to be removed."""


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


def take_inventory(store: ArtifactStore) -> Inventory | None:
    """Compare the packs with what files need; None where a damaged manifest does not tell that.

    Raises:
        ArtifactStoreError: the store cannot be read.
    """
    objects = store.objects
    packs = {pack.pack_of(each.name): each for each in objects.list(pack.PREFIX)}
    condemned = {pack.pack_of(each.name) for each in objects.list(CONDEMNED)}
    try:
        needed = read_references(objects).packs
    except CorruptArtifactError:
        return None
    # What is packed meanwhile may be needed without having been listed.
    missing = [
        name
        for name in sorted(needed - packs.keys())
        if objects.find(pack.object_name(name)) is None
    ]
    unreadable = []
    for name, each in sorted(packs.items()):
        try:
            read_table(objects, each.name, each.size)
        except CorruptArtifactError:
            unreadable.append(name)
        except MissingObjectError:  # collected meanwhile
            continue
    orphaned = packs.keys() - needed - condemned
    return Inventory(
        tuple(missing),
        tuple(unreadable),
        len(orphaned),
        sum(packs[name].size for name in orphaned),
        len(condemned & packs.keys()),
    )
