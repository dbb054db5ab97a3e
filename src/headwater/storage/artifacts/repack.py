"""Packs anew what files need of packs that are mostly unneeded, so that those can be removed.

Step by step, each of which may be the last: the new packs; where the chunks are now (`moved`); and
from then on the old pack is one that no file needs, which `collect` condemns and removes when its
grace is over. Until then it can be read, and goes on being read by who has begun to.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.errors import CorruptArtifactError, MissingObjectError
from headwater.storage.artifacts import moved, pack
from headwater.storage.artifacts.build import CONDEMNED, PACK_BYTES
from headwater.storage.artifacts.collect import GRACE_SECONDS
from headwater.storage.artifacts.moved import Moved, encode_moved
from headwater.storage.artifacts.objects import StoredObject
from headwater.storage.artifacts.pack import PackWriter, read_table
from headwater.storage.artifacts.references import References, read_references
from headwater.storage.artifacts.store import ArtifactStore

NEEDED = 0.5
"""A pack of which files need less than this part is packed anew: it is written once more for each
time that half of it goes."""


@dataclass(frozen=True, slots=True)
class Sparse:
    """A pack that is to be packed anew."""

    name: str
    size: int
    needed: int
    """Bytes of it that files need."""


@dataclass(frozen=True, slots=True)
class Repacked:
    """What was done."""

    packs: tuple[Sparse, ...]
    """Packs of which what is needed is elsewhere now; a collection removes them."""

    damaged: tuple[str, ...]
    """Packs that could not be read, and stay."""


def plan_repacking(
    packs: Iterable[StoredObject],
    condemned: AbstractSet[str],
    needed: References,
    now: float,
    grace: float,
) -> tuple[Sparse, ...]:
    """Return the packs to pack anew, the oldest first; `now` in seconds since the epoch.

    None that are young: their files may be about to come. None that are condemned: they are
    pardoned first. None that were packed anew already.
    """
    found = []
    for each in sorted(packs, key=lambda each: (each.modified, each.name)):
        name = pack.pack_of(each.name)
        parts = needed.parts.get(name)
        if parts is None or name in condemned or needed.is_moved(name):
            continue
        size = int(parts["stored"].sum(dtype=np.int64))
        if now - each.modified > grace and size < NEEDED * each.size:
            found.append(Sparse(name, each.size, size))
    return tuple(found)


def repack(store: ArtifactStore, *, grace: float = GRACE_SECONDS) -> Repacked:
    """Pack anew what is needed of sparse packs; files go on being read, stored and deleted.

    Raises:
        ArtifactStoreError: the store cannot be read or written; nothing is lost.
    """
    objects = store.objects
    packs = list(objects.list(pack.PREFIX))
    condemned = {pack.pack_of(each.name) for each in objects.list(CONDEMNED)}
    needed = read_references(objects)
    sparse = plan_repacking(packs, condemned, needed, objects.now(), grace)
    repacking = _Repacking(store)
    damaged = []
    for each in sparse:
        try:
            repacking.take(each, needed.parts[each.name]["offset"])
        except (CorruptArtifactError, MissingObjectError):
            damaged.append(each.name)
    repacking.flush()
    return Repacked(tuple(each for each in sparse if each.name not in damaged), tuple(damaged))


class _Repacking:
    """Moves the needed chunks of packs, one after another, into new packs."""

    def __init__(self, store: ArtifactStore) -> None:
        self._objects = store.objects
        self._index = store.index
        self._writer = PackWriter(self._objects)
        self._complete: list[tuple[str, list[tuple[int, str, int]]]] = []
        """Old packs that are taken whole, and where their chunks are: offset, pack, offset."""

    def take(self, sparse: Sparse, offsets: "NDArray[np.uint64]") -> None:
        """Take the chunks of a pack that are needed.

        Raises:
            CorruptArtifactError: they are not all there; those that were taken harm nobody.
            MissingObjectError: somebody has removed the pack.
        """
        name = pack.object_name(sparse.name)
        table = read_table(self._objects, name, sparse.size)
        rows = table[np.isin(table["offset"], offsets)]
        if len(rows) != len(offsets):
            raise CorruptArtifactError(f"the table of the pack {sparse.name} lacks chunks")
        content = self._objects.get(name)  # at once: a bucket takes as long for each chunk
        places = []
        for row in rows:
            encoded = content[int(row["offset"]) : int(row["offset"]) + int(row["stored"])]
            if len(encoded) != row["stored"]:
                raise CorruptArtifactError(f"the pack {sparse.name} is cut off")
            digest, base = row["hash"].tobytes(), row["base"].tobytes()
            if self._writer.size + len(encoded) > PACK_BYTES:
                self._flush_pack()
            packed = self._writer.add(digest, int(row["length"]), encoded, base)
            places.append((int(row["offset"]), self._writer.name, packed.offset))
        self._complete.append((sparse.name, places))

    def flush(self) -> None:
        """Make what was taken durable, and tell where it is."""
        self._flush_pack()

    def _flush_pack(self) -> None:
        if self._writer.size:
            self._writer.publish()
        self._writer = PackWriter(self._objects)
        for name, places in self._complete:
            now = moved_of(places)
            self._objects.put(moved.object_name(name), [encode_moved(now)])
            # New files are to build on the new packs, where they would have on the old one.
            self._index.add(now.followed(self._index.in_pack(name)))
        self._complete = []


def moved_of(places: Sequence[tuple[int, str, int]]) -> Moved:
    """Return what tells that the chunk at each offset is in that pack at that offset."""
    packs = {name: number for number, name in enumerate(dict.fromkeys(p for _, p, _ in places))}
    rows = np.array([(offset, packs[name], to) for offset, name, to in sorted(places)], moved.ROW)
    return Moved(tuple(packs), rows)
