"""Makes the index anew from the packs and manifests, which hold all that it tells."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from headwater.errors import CorruptArtifactError, MissingObjectError
from headwater.storage.artifacts import moved, pack
from headwater.storage.artifacts.build import CONDEMNED, DEEPEST
from headwater.storage.artifacts.index import Place
from headwater.storage.artifacts.objects import StoredObject
from headwater.storage.artifacts.pack import NO_BASE, read_table
from headwater.storage.artifacts.store import MANIFESTS, ArtifactStore


def reindex(store: ArtifactStore, is_stopped: Callable[[], bool] = lambda: False) -> None:
    """Note all chunks, structures and sizes; files go on being read, stored and deleted.

    What is damaged is left out. Stopped half-way, the index is incomplete, and begun again next
    time.

    Raises:
        ArtifactStoreError: the store cannot be read or written.
    """
    _note_chunks(store, is_stopped)
    for each in store.objects.list(MANIFESTS):
        if is_stopped():
            return
        try:
            store.note(each.name.removeprefix(f"{MANIFESTS}/"))
        except CorruptArtifactError:
            continue
    store.index.is_complete = True


def correct_sizes(store: ArtifactStore) -> int:
    """Correct what the index tells of the sizes of files, and return how many were wrong.

    A crash, or a server on another machine, has left those.

    Raises:
        ArtifactStoreError: the store cannot be read or written.
    """
    wrong = 0
    for path in store.paths():
        wrong += store.correct_size(path)
    for path in store.index.paths():
        wrong += store.correct_size(path)
    return wrong


def _note_chunks(store: ArtifactStore, is_stopped: Callable[[], bool]) -> None:
    """Note whole chunks, then the differences to those, and so on: no way leads in circles."""
    objects, index = store.objects, store.index
    left_out = {
        pack.pack_of(each.name)
        for prefix in (CONDEMNED, moved.PREFIX)
        for each in objects.list(prefix)
    }
    waiting = [
        each for each in objects.list(pack.PREFIX) if pack.pack_of(each.name) not in left_out
    ]
    for depth in range(DEEPEST + 1):
        still = []
        for each, table in _tables(store, waiting):
            if is_stopped():
                return
            name = pack.pack_of(each.name)
            found = []
            for row in table:
                digest, base = row["hash"].tobytes(), row["base"].tobytes()
                place = Place(
                    name,
                    int(row["offset"]),
                    int(row["stored"]),
                    int(row["length"]),
                    None if base == NO_BASE else base,
                    depth,
                )
                if (depth == 0) != (place.base is None) or index.find(digest) is not None:
                    continue
                below = None if place.base is None else index.find(place.base)
                if depth == 0 or (below is not None and below.depth == depth - 1):
                    found.append((digest, place))
            index.add(found)
            if (table["base"] != np.void(NO_BASE)).any():
                still.append(each)
        waiting = still


def _tables(
    store: ArtifactStore, packs: "list[StoredObject]"
) -> "Iterator[tuple[StoredObject, NDArray[np.void]]]":
    for each in packs:
        try:
            yield each, read_table(store.objects, each.name, each.size)
        except (CorruptArtifactError, MissingObjectError):
            continue
