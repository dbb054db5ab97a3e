"""How many bytes files have, and how many the store takes for them."""

from collections import defaultdict
from collections.abc import Callable, Hashable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Generic, TypeVar

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

    own: int = 0
    """Bytes of `stored` that no file elsewhere needs: what would be free without these files."""


@dataclass
class _Chunks:
    usage: Usage = field(default_factory=Usage)
    seen: set[bytes] = field(default_factory=set)


class _Needed(Generic[Group]):
    """Which groups have all files that need a chunk."""

    def __init__(self) -> None:
        self._sets: list[frozenset[Group]] = []
        self._numbers: dict[frozenset[Group], int] = {}
        self._chunks: dict[bytes, tuple[int, int]] = {}
        """Number of the set, and bytes, by hash."""

    def add(self, inside: frozenset[Group], digests: list[bytes], stored: list[int]) -> None:
        """Add the chunks of a file that is in these groups."""
        number = self._number(inside)
        for digest, size in zip(digests, stored, strict=True):
            before = self._chunks.get(digest)
            if before is None:
                self._chunks[digest] = number, size
            elif before[0] != number:
                common = self._sets[before[0]] & inside
                self._chunks[digest] = self._number(common), before[1]

    def own(self) -> dict[Group, int]:
        """Return the bytes of chunks that only files of a group need."""
        sizes: dict[int, int] = defaultdict(int)
        for number, size in self._chunks.values():
            sizes[number] += size
        found: dict[Group, int] = defaultdict(int)
        for number, size in sizes.items():
            for group in self._sets[number]:
                found[group] += size
        return found

    def _number(self, inside: frozenset[Group]) -> int:
        if inside not in self._numbers:
            self._numbers[inside] = len(self._sets)
            self._sets.append(inside)
        return self._numbers[inside]


def directories(depth: int) -> Callable[[str], set[str]]:
    """Return what groups files by their directories of that depth, with all under ``""``."""
    return lambda path: {"", "/".join(path.split("/")[:-1][:depth])}


def usage(store: ArtifactStore, groups: Callable[[str], AbstractSet[Group]]) -> dict[Group, Usage]:
    """Return the usage of each group of files; `groups` tells those that a path is in.

    A chunk that several groups share counts in each of them, but is `own` to none that does not
    have all of its files.
    """
    found: dict[Group, _Chunks] = defaultdict(_Chunks)
    needed: _Needed[Group] = _Needed()
    sizes = {each.name: each.size for each in store.objects.list(MANIFESTS)}
    for name, content in store.objects.get_each(sizes):
        if content is None:  # deleted meanwhile
            continue
        manifest = decode_manifest(content)
        inside = frozenset(groups(name.removeprefix(f"{MANIFESTS}/")))
        for table in (manifest.chunks, manifest.bases):
            needed.add(inside, table["hash"].tolist(), table["stored"].tolist())
        for group in inside:
            chunks = found[group]
            chunks.usage.files += 1
            chunks.usage.size += manifest.head.size
            chunks.usage.stored += sizes[name] - len(manifest.inline)
            chunks.usage.own += sizes[name] - len(manifest.inline)
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
    for group, size in needed.own().items():
        found[group].usage.own += size
    return {name: chunks.usage for name, chunks in found.items()}


def packed_bytes(store: ArtifactStore) -> int:
    """Return the bytes of all packs, those that no file needs any more included."""
    return sum(each.size for each in store.objects.list(pack.PREFIX))
