"""Makes the index anew from the packs and manifests, which hold all that it tells."""

from headwater.errors import CorruptArtifactError
from headwater.storage.artifacts.catch_up import catch_up
from headwater.storage.artifacts.manifest import HEAD_BYTES, decode_head
from headwater.storage.artifacts.store import MANIFESTS, ArtifactStore


def reindex(store: ArtifactStore) -> None:
    """Note all chunks, structures and sizes; files go on being read, stored and deleted.

    What is damaged is left out. Stopped half-way, the next `catch_up` goes on.

    Raises:
        ArtifactStoreError: the store cannot be read or written.
    """
    catch_up(store, files=False)  # what is gone is forgotten as long as it is known
    store.index.read_anew()
    catch_up(store)


def correct_sizes(store: ArtifactStore) -> int:
    """Correct what the index tells of the sizes of files, and return how many were wrong.

    A crash, or a server on another machine, has left those.

    Raises:
        ArtifactStoreError: the store cannot be read or written.
    """
    wrong = 0
    there = {each.name for each in store.objects.list(MANIFESTS)}
    for name, content in store.objects.get_each(sorted(there), HEAD_BYTES):
        if content is None:  # deleted meanwhile
            continue
        try:
            size = decode_head(content).size
        except CorruptArtifactError:
            continue
        path = name.removeprefix(f"{MANIFESTS}/")
        if store.index.size(path) != size:
            wrong += store.correct_size(path)
    for path in store.index.paths():
        if f"{MANIFESTS}/{path}" not in there:
            wrong += store.correct_size(path)
    return wrong
