"""Brings the index up to date: with what it has lost, and what other machines have stored."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.errors import CorruptArtifactError, MissingObjectError
from headwater.storage.artifacts import moved, pack
from headwater.storage.artifacts.build import CONDEMNED
from headwater.storage.artifacts.index import ChunkIndex, Place
from headwater.storage.artifacts.manifest import decode_manifest
from headwater.storage.artifacts.objects import Objects, StoredObject
from headwater.storage.artifacts.store import MANIFESTS, ArtifactStore

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
    """That were noted."""


def catch_up(store: ArtifactStore, *, files: bool = True) -> CatchUp:
    """Note the chunks of packs that the index does not know, and forget those that are gone.

    Packs that are about to be removed are not read, and what was packed anew is looked for where it
    is now. With `files`, note as well how large new files are and which resemble each other, for
    which all are listed. What is damaged is left out.

    Raises:
        ArtifactStoreError: the place or the index cannot be read; what was noted stays.
    """
    objects, index = store.objects, store.index
    known = index.packs()
    # Moves before packs, so that those to which something was moved are read whole.
    moves = {pack.pack_of(each.name) for each in objects.list(moved.PREFIX)}
    there = {pack.pack_of(each.name): each for each in objects.list(pack.PREFIX)}
    condemned = {pack.pack_of(each.name) for each in objects.list(CONDEMNED)}
    gone = sorted(known - there.keys() - moves)
    if gone:
        index.forget_packs(gone)
    new = [there[name] for name in sorted(there.keys() - known - moves - condemned)]
    read = _read_packs(objects, index, new)
    followed = _follow_moves(objects, index, moves)
    return CatchUp(read, len(gone) + followed, _read_files(store) if files else 0)


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


def _follow_moves(objects: Objects, index: ChunkIndex, moves: AbstractSet[str]) -> int:
    """Forget packs that were packed anew, and have their chunks be where they are now."""
    count = 0
    # What was packed anew may have been so once more.
    while waiting := sorted(index.packs() & moves):
        for name in waiting:
            try:
                found = moved.read_moved(objects, name)
            except CorruptArtifactError:
                found = None
            if found is not None:
                index.add(found.followed(index.in_pack(name)))
            index.forget_packs([name])
            count += 1
    return count


def _read_files(store: ArtifactStore) -> int:
    objects, index = store.objects, store.index
    # An older release's index has not noted all of what this one does.
    since = index.read_until() if index.is_complete else 0.0
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
        store.note(name.removeprefix(f"{MANIFESTS}/"), manifest)
        count += 1
    index.note_read_until(now)
    index.is_complete = True
    return count
