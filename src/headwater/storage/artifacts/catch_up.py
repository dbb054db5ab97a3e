"""Brings the index up to date: with what it has lost, and what other machines have stored."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.errors import CorruptArtifactError, MissingObjectError
from headwater.storage.artifacts import pack
from headwater.storage.artifacts.index import ChunkIndex, Place
from headwater.storage.artifacts.manifest import decode_manifest
from headwater.storage.artifacts.objects import Objects, StoredObject
from headwater.storage.artifacts.similar import structure_of
from headwater.storage.artifacts.store import MANIFESTS, ArtifactStore
from headwater.storage.artifacts.tensor_layout import Tensor

_TABLES_AT_ONCE = 16
_OVERLAP_SECONDS = 5.0
"""A file may be seen so long after the time that it has."""


@dataclass(frozen=True, slots=True)
class CatchUp:
    """What the index has learned."""

    read: int
    """Packs."""

    forgotten: int
    """Packs."""

    files: int
    """Whose structure was noted."""


def catch_up(store: ArtifactStore, *, files: bool = True) -> CatchUp:
    """Note the chunks of packs that the index does not know, and forget those that are gone.

    With `files`, note as well which new files resemble each other, for which all are listed.

    Raises:
        ArtifactStoreError: the place or the index cannot be read; what was noted stays.
    """
    objects, index = store.objects, store.index
    known = index.packs()
    there = {pack.pack_of(each.name): each for each in objects.list(pack.PREFIX)}
    gone = sorted(known - there.keys())
    if gone:
        index.forget_packs(gone)
    new = [there[name] for name in sorted(there.keys() - known)]
    read = _read_packs(objects, index, new)
    return CatchUp(read, len(gone), _read_structures(objects, index) if files else 0)


def places_of(
    name: str, rows: NDArray[np.void], depths: Mapping[bytes, int]
) -> Iterator[tuple[bytes, Place]]:
    """Yield the chunks of a pack whose bases are known; `depths` is what those have.

    In a pack, a base stands before what is a difference to it.
    """
    own: dict[bytes, int] = {}
    for row in rows:
        digest, base = row["hash"].tobytes(), row["base"].tobytes()
        depth: int | None = 0
        if base != pack.NO_BASE:
            below = own.get(base, depths.get(base))
            depth = None if below is None else below + 1
        if depth is None:
            continue
        own[digest] = depth
        yield (
            digest,
            Place(
                name,
                int(row["offset"]),
                int(row["stored"]),
                int(row["length"]),
                None if base == pack.NO_BASE else base,
                depth,
            ),
        )


def _read_packs(objects: Objects, index: ChunkIndex, new: Sequence[StoredObject]) -> int:
    def table(each: StoredObject) -> "NDArray[np.void] | None":
        try:
            return pack.read_table(objects, each.name, each.size)
        except (MissingObjectError, CorruptArtifactError):
            return None  # nothing is built on it; `check` names the files that it damages

    count = 0
    waiting: dict[str, tuple[NDArray[np.void], int]] = {}
    with ThreadPoolExecutor(_TABLES_AT_ONCE, thread_name_prefix="headwater-tables") as threads:
        for first in range(0, len(new), _TABLES_AT_ONCE):
            some = new[first : first + _TABLES_AT_ONCE]
            for each, rows in zip(some, threads.map(table, some), strict=True):
                if rows is not None:
                    count += 1
                    name = pack.pack_of(each.name)
                    waiting[name] = (rows, _note(index, name, rows))
    # A pack may have been read before the one that it builds on.
    progress = True
    while progress:
        progress = False
        waiting = {name: each for name, each in waiting.items() if each[1] < len(each[0])}
        for name, (rows, before) in waiting.items():
            waiting[name] = (rows, _note(index, name, rows))
            progress |= waiting[name][1] > before
    return count


def _note(index: ChunkIndex, name: str, rows: NDArray[np.void]) -> int:
    """Note the chunks of a pack of which the bases are known, and return how many those are."""
    places = list(places_of(name, rows, _depths(index, rows)))
    index.add_better(places)
    return len(places)


def _depths(index: ChunkIndex, rows: NDArray[np.void]) -> dict[bytes, int]:
    bases = {base for base in map(bytes, rows["base"]) if base != pack.NO_BASE}
    return {base: place.depth for base in bases if (place := index.find(base)) is not None}


def _read_structures(objects: Objects, index: ChunkIndex) -> int:
    since = index.read_until()
    now = objects.now()
    files = objects.list(MANIFESTS)
    names = [each.name for each in files if each.modified > since - _OVERLAP_SECONDS]
    count = 0
    for name, content in objects.get_each(names):
        if content is None:  # deleted meanwhile
            continue
        try:
            manifest = decode_manifest(content)
        except CorruptArtifactError:
            continue
        if manifest.tensors:
            first = manifest.tensors[0]
            structure = structure_of(Tensor(first.name, first.start, first.size))
            path = name.removeprefix(f"{MANIFESTS}/")
            index.note_structure(structure, path, manifest.head.stored_at)
            count += 1
    index.note_read_until(now)
    return count
