"""How many bytes files have, and how many the store takes for them."""

from collections import defaultdict
from collections.abc import Callable, Hashable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TypeVar

from headwater.storage.artifacts import pack
from headwater.storage.artifacts.manifest import decode_manifest
from headwater.storage.artifacts.store import MANIFESTS, ArtifactStore

Group = TypeVar("Group", bound=Hashable)


@dataclass
class Usage:
    """What the files below one directory take."""

    files: int = 0
    size: int = 0
    """Bytes of the files."""

    unique: int = 0
    """Bytes of their chunks, each counted once."""

    stored: int = 0
    """Bytes that those chunks take, compressed or as differences; with those they depend on."""


@dataclass
class _Chunks:
    usage: Usage = field(default_factory=Usage)
    seen: set[bytes] = field(default_factory=set)


def directories(depth: int) -> Callable[[str], set[str]]:
    """Return what groups files by their directories of that depth, with all under ``""``."""
    return lambda path: {"", "/".join(path.split("/")[:-1][:depth])}


def usage(store: ArtifactStore, groups: Callable[[str], AbstractSet[Group]]) -> dict[Group, Usage]:
    """Return the usage of each group of files; `groups` tells those that a path is in.

    A chunk that several groups share counts in each of them.
    """
    found: dict[Group, _Chunks] = defaultdict(_Chunks)
    sizes = {each.name: each.size for each in store.objects.list(MANIFESTS)}
    for name, content in store.objects.get_each(sizes):
        if content is None:  # deleted meanwhile
            continue
        manifest = decode_manifest(content)
        for group in groups(name.removeprefix(f"{MANIFESTS}/")):
            chunks = found[group]
            chunks.usage.files += 1
            chunks.usage.size += manifest.head.size
            chunks.usage.stored += sizes[name] - len(manifest.inline)
            for table, is_file in ((manifest.chunks, True), (manifest.bases, False)):
                for digest, length, stored in zip(
                    table["hash"].tolist(),
                    table["length"].tolist(),
                    table["stored"].tolist(),
                    strict=True,
                ):
                    if digest not in chunks.seen:
                        chunks.seen.add(digest)
                        chunks.usage.unique += length if is_file else 0
                        chunks.usage.stored += stored
    return {name: chunks.usage for name, chunks in found.items()}


def packed_bytes(store: ArtifactStore) -> int:
    """Return the bytes of all packs, those that no file needs any more included."""
    return sum(each.size for each in store.objects.list(pack.PREFIX))
