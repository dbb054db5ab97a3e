"""Stores one file of chunks: looks for those that are there, packs the others, and publishes."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from blake3 import blake3

from headwater.errors import ArtifactStoreError, CorruptArtifactError
from headwater.storage.artifacts import pack
from headwater.storage.artifacts.cut import Chunk
from headwater.storage.artifacts.encoding import Encoder
from headwater.storage.artifacts.index import ChunkIndex, Place
from headwater.storage.artifacts.manifest import (
    ROW,
    Head,
    Manifest,
    TensorEntry,
    encode_manifest,
)
from headwater.storage.artifacts.objects import Objects
from headwater.storage.artifacts.pack import INLINE_BYTES, PackWriter
from headwater.storage.artifacts.planes import Bytes
from headwater.storage.artifacts.read import FileReader
from headwater.storage.artifacts.similar import Similar, levels_up
from headwater.storage.artifacts.tensor_layout import Tensor

PACK_BYTES = 32 * 1024 * 1024
_PACKS_AT_ONCE = 2
DEEPEST = 4
"""Differences that have to be undone to read a chunk, at most: each costs as much as the chunk."""

_TRIES = 8
"""Differences that are no smaller, one after another, until no more are tried."""

CONDEMNED = "condemned"
"""Directory of marks: packs that no file needed, and that are about to be removed."""

_publishers = ThreadPoolExecutor(16, thread_name_prefix="headwater-packs")

_TELLING = 16 * 1024
"""Bytes of a chunk by which it is decided which of several files a new one resembles."""

FindSimilar = Callable[[Tensor], Sequence[Similar]]
"""Finds files that may resemble one with this first tensor, the likeliest first."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a file."""

    head: Head
    new_bytes: int
    """By which the store has grown, without manifests."""

    recipe: bytes
    """See `recipe_of`."""

    tensors: tuple[TensorEntry, ...] = ()


class FileBuilder:
    """One file, chunk by chunk in its order; one thread at a time.

    Nothing of it is visible before `publish`. What was packed until a crash is found again by the
    next attempt, until it is collected.
    """

    def __init__(self, objects: Objects, index: ChunkIndex, find_similar: FindSimilar) -> None:
        self._objects = objects
        self._index = index
        self._encoder = Encoder()
        self._bases = _Bases(objects, find_similar, self._chain)
        self._new_bytes = 0
        self._writer = PackWriter(self._objects)
        self._packing: list[tuple[bytes, Place]] = []
        """Chunks of the pack that is being written."""

        self._publishing: deque[Future[None]] = deque()
        """Packs on their way to the disk, which takes as long as filling the next one."""

        self._chunks: list[bytes] = []
        """Hashes, in the order of the file."""

        self._places: dict[bytes, Place] = {}
        """Of these chunks, and of what they are differences to."""

        self._present: set[str] = set()
        """Packs that are there."""

    def refer(self, digest: bytes, length: int) -> bool:
        """Take a chunk that is stored, and say whether it is."""
        if not self.has(digest) or self._places[digest].length != length:
            return False
        self._chunks.append(digest)
        return True

    def look_up(self, digests: Sequence[bytes]) -> None:
        """Look at once for the packs that are said to hold these chunks."""
        places = (self._index.find(digest) for digest in digests)
        names = {place.pack for place in places if place is not None} - self._present
        self._present |= _present(self._objects, sorted(names))

    def has(self, digest: bytes) -> bool:
        """Say whether a chunk is stored."""
        return digest in self._places or self._find(digest)

    def take(self, chunk: Chunk) -> None:
        """Take a chunk, which is stored unless it is already. Raises ArtifactStoreError."""
        digest = blake3(chunk.content).digest()
        if not self.refer(digest, len(chunk.content)):
            self._store(chunk, digest)
            self._chunks.append(digest)

    def keep(self) -> None:
        """Bring what was taken to the disk for another builder to find, and publish no file.

        Raises:
            ArtifactStoreError: it cannot be stored.
        """
        if self._writer.size:
            self._publish_pack()
        self._wait_for_packs(0)

    def copy(self, name: str, manifest: Manifest) -> Stored | None:
        """Make a stored file the object of that name as well, durably.

        None: what it is made of is being removed. Raises ArtifactStoreError.
        """
        if not all(self._is_present(each) for each in manifest.packs):
            return None
        head = replace(manifest.head, stored_at=time.time_ns() // 1_000_000)
        self._objects.put(name, [encode_manifest(replace(manifest, head=head))])
        return Stored(head, 0, manifest.recipe, manifest.tensors)

    def publish(self, name: str, size: int, digest: bytes, tensors: Sequence[Tensor]) -> Stored:
        """Make the manifest the object of that name, durably.

        Raises:
            ArtifactStoreError: it cannot be stored.
        """
        inline = b""
        if self._writer.size <= INLINE_BYTES:
            inline = self._writer.content()
        else:
            self._publish_pack()
        self._wait_for_packs(0)
        head = Head(size, digest, time.time_ns() // 1_000_000)
        manifest = self._manifest(head, inline, tensors)
        self._require_present(manifest.packs)
        self._objects.put(name, [encode_manifest(manifest)])
        return Stored(head, self._new_bytes, manifest.recipe, manifest.tensors)

    def _find(self, digest: bytes) -> bool:
        """Say whether a chunk is stored, with all that it is a difference to."""
        found: list[tuple[bytes, Place]] = []
        below: bytes | None = digest
        while below is not None and below not in self._places:
            place = self._index.find(below)
            # What several machines have noted need not fit together: it may lead in circles.
            if place is None or len(found) > DEEPEST or not self._is_present(place.pack):
                return False
            found.append((below, place))
            below = place.base
        self._places.update(found)
        return True

    def _chain(self, places: list[tuple[bytes, Place]]) -> list[tuple[bytes, Place]] | None:
        """Return where a chunk and those below it are now, None where they are not to be used.

        What this file has found already comes first, so that no way of it leads in circles; then
        what a manifest tells, then the index, which knows what was packed anew.
        """
        told = {digest: place for digest, place in places if self._is_present(place.pack)}
        found: list[tuple[bytes, Place]] = []
        below: bytes | None = places[0][0]
        while below is not None:
            place = self._places.get(below) or told.get(below) or self._index.find(below)
            if place is None or len(found) > DEEPEST or not self._is_present(place.pack):
                return None
            found.append((below, place))
            below = place.base
        return found

    def _is_present(self, name: str) -> bool:
        if name not in self._present:
            self._present |= _present(self._objects, [name])
        return name in self._present

    def _require_present(self, names: tuple[str, ...]) -> None:
        """Refuse to build on packs that were condemned since they were found."""
        self._present = _present(self._objects, names)
        if not self._present.issuperset(names):
            raise ArtifactStoreError(
                "the upload has taken so long that what it shares with other files is being "
                "removed; store the file again"
            )

    def _store(self, chunk: Chunk, digest: bytes) -> None:
        base = self._bases.find(chunk)
        encoded = self._encoder.encode(
            chunk.content, None if base is None else base.content, chunk.tensor
        )
        self._bases.note(base, is_used=encoded.is_difference)
        below, depth = None, 0
        if base is not None and encoded.is_difference:
            self._places.update(each for each in base.places if each[0] not in self._places)
            below, depth = base.places[0][0], base.places[0][1].depth + 1
        length = len(chunk.content)
        packed = self._writer.add(digest, length, encoded.content, below or pack.NO_BASE)
        place = Place(self._writer.name, packed.offset, packed.stored, length, below, depth)
        self._places[digest] = place
        self._packing.append((digest, place))
        self._new_bytes += packed.stored
        if self._writer.size >= PACK_BYTES:
            self._publish_pack()

    def _wait_for_packs(self, most: int) -> None:
        """Wait until no more packs than that are on their way to the disk.

        Raises:
            ArtifactStoreError: one cannot be stored.
        """
        while len(self._publishing) > most:
            self._publishing.popleft().result()

    def _publish_pack(self) -> None:
        # Noted first: what a crash leaves is then found again; what is noted and not there is not
        # believed.
        self._index.add(self._packing)
        self._wait_for_packs(_PACKS_AT_ONCE - 1)
        self._publishing.append(_publishers.submit(self._writer.publish))
        self._present.add(self._writer.name)
        self._packing = []
        self._writer = PackWriter(self._objects)

    def _manifest(self, head: Head, inline: bytes, tensors: Sequence[Tensor]) -> Manifest:
        packs: dict[str, int] = {self._writer.name: -1}
        bases: dict[bytes, int] = {}
        for place in self._places.values():
            if place.pack not in packs:
                packs[place.pack] = len(packs) - 1
            if place.base is not None:
                bases.setdefault(place.base, len(bases))

        def row(digest: bytes) -> tuple[int, int, int, int, int, bytes]:
            place = self._places[digest]
            base = -1 if place.base is None else bases[place.base]
            return place.length, packs[place.pack], place.offset, place.stored, base, digest

        return Manifest(
            head,
            np.array([row(digest) for digest in self._chunks], ROW),
            np.array([row(digest) for digest in bases], ROW),
            tuple(name for name, number in packs.items() if number >= 0),
            inline,
            tuple(TensorEntry(each.name, each.start, each.size) for each in tensors),
            self._bases.position(tensors[0]) if bases and tensors else 0,
        )


def condemned_name(name: str) -> str:
    """Return the name of the mark of a condemned pack."""
    return f"{CONDEMNED}/{name}"


def _present(objects: Objects, names: Sequence[str]) -> set[str]:
    """Return those of the packs that are there and not condemned."""
    marks = objects.find_each([condemned_name(name) for name in names])
    packs = objects.find_each([pack.object_name(name) for name in names])
    found = zip(names, marks, packs, strict=True)
    return {name for name, mark, stored in found if mark is None and stored is not None}


@dataclass(frozen=True, slots=True)
class _Base:
    """A chunk that a new one may be a difference to."""

    content: Bytes
    places: list[tuple[bytes, Place]]
    """Its own and of those below it."""


class _Bases:
    """Looks for bases in a similar file; of several, in the one that a chunk resembles most."""

    def __init__(
        self,
        objects: Objects,
        find_similar: FindSimilar,
        current: Callable[[list[tuple[bytes, Place]]], list[tuple[bytes, Place]] | None],
    ) -> None:
        self._objects = objects
        self._find_similar = find_similar
        self._current = current
        self._files: list[tuple[Similar, FileReader]] = []
        self._is_sought = True
        self._failures = 0

    def find(self, chunk: Chunk) -> _Base | None:
        """Return what a chunk may be a difference to."""
        if chunk.tensor is None or self._failures >= _TRIES:
            return None
        files = self._sought(chunk.tensor)
        best: tuple[int, _Base] | None = None
        for each in tuple(files):
            base = self._in(each, chunk, chunk.tensor)
            if base is None:
                continue
            if len(files) == 1 or len(chunk.content) < _TELLING:
                return base
            encoded = Encoder().encode(chunk.content, base.content, chunk.tensor)
            if best is None or len(encoded.content) < best[0]:
                best, chosen = (len(encoded.content), base), each
        if best is None:
            return None
        self._files = [chosen]
        return best[1]

    def position(self, first: Tensor) -> int:
        """Return the place of a file with differences in its line of versions."""
        files = self._sought(first)
        return files[0][0].manifest.position + 1 if files else 0

    def _sought(self, tensor: Tensor) -> list[tuple[Similar, FileReader]]:
        if self._is_sought:
            self._is_sought = False
            self._files = [
                (each, FileReader(self._objects, each.manifest, "the base"))
                for each in self._find_similar(tensor)
            ]
        return self._files

    def _in(self, file: tuple[Similar, FileReader], chunk: Chunk, tensor: Tensor) -> _Base | None:
        """Return the base of a chunk in a file."""
        similar, _ = file
        number = similar.chunk(tensor, chunk.start, len(chunk.content))
        told = None if number is None else similar.places(number)
        if number is None or told is None:
            return None
        position, most = similar.manifest.position, len(told) - 1
        # Files of earlier releases have no position, and each was a difference to the last one.
        above = min(levels_up(position), most) if position else most
        for levels in range(above, len(told)):
            places = self._current(told[levels:])
            if places is None:
                return None
            if places[0][1].depth < DEEPEST:
                return self._read(file, number, levels, places)
        return None

    def _read(
        self,
        file: tuple[Similar, FileReader],
        number: int,
        levels: int,
        places: list[tuple[bytes, Place]],
    ) -> _Base | None:
        """Read a base; a file of which one cannot be read is not looked at again."""
        try:
            return _Base(file[1].chunk(number, levels), places)
        except (CorruptArtifactError, ArtifactStoreError):
            self._files.remove(file)  # a new file must not be built on a damaged one
            return None

    def note(self, base: _Base | None, *, is_used: bool) -> None:
        """Note whether a base that was found was of use."""
        if is_used:
            self._failures = 0
        elif base is not None:
            self._failures += 1
