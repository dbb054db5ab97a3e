"""The artifact store: files by their paths, on any place for objects."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from headwater.errors import ArtifactStoreError, CorruptArtifactError, MissingObjectError
from headwater.storage.artifacts.build import FileBuilder, Stored
from headwater.storage.artifacts.cut import Bytes, Chunk
from headwater.storage.artifacts.index import ChunkIndex
from headwater.storage.artifacts.local_objects import LocalObjects
from headwater.storage.artifacts.manifest import (
    HEAD_BYTES,
    Head,
    Manifest,
    decode_head,
    decode_manifest,
)
from headwater.storage.artifacts.objects import Objects
from headwater.storage.artifacts.read import FileReader
from headwater.storage.artifacts.similar import Similar, declared, is_beside, nearest, structure_of
from headwater.storage.artifacts.tensor_layout import Tensor
from headwater.storage.artifacts.upload import Upload
from headwater.wire.artifact_file import SMALL_FILE

MANIFESTS = "manifests"
_FORMAT = "format"
_VERSION = b"1\n"
_CANDIDATES = 20
_LOOKS = 3
"""At those of them that are not there any more."""

_COPIES = 4
"""Files whose cuts a client is told, to find out whether its own is one of them."""

_MOST_TOLD = 1_000_000
"""Chunks of such a file."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A file or directory in a directory."""

    path: str
    size: int | None
    """Bytes of a file; None for a directory."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What is known of the file that a new one resembles."""

    first: Tensor | None = None
    """The first tensor of the new file; None: that of the first chunk that comes."""

    base: str | None = None
    """The file that it is said to be a successor of, or the directory of that."""


class StoredFile:
    """A file that can be read."""

    def __init__(self, objects: Objects, manifest: Manifest, path: str) -> None:
        self.head = manifest.head
        self.manifest = manifest
        self.path = path
        self._objects = objects

    def read(self, start: int = 0, end: int | None = None) -> Iterator[Bytes]:
        """Yield the bytes from `start` to before `end`. Raises CorruptArtifactError."""
        return FileReader(self._objects, self.manifest, self.path).read(start, end)


class FileWriter:
    """Takes a file that is being stored; one thread at a time."""

    def __init__(self, upload: Upload, publish: Callable[[], Stored]) -> None:
        self._upload = upload
        self._publish = publish

    def write(self, content: Bytes) -> None:
        """Take the next bytes, which must not change any more. Raises ArtifactStoreError."""
        self._upload.feed(content)

    def publish(self) -> Stored:
        """Make the file visible durably, in place of one of its path.

        Raises:
            ArtifactStoreError: it cannot be stored.
        """
        return self._publish()


class FileAssembly:
    """Takes the chunks of a file in their order; one thread at a time."""

    def __init__(
        self, builder: FileBuilder, publish: Callable[[int, bytes, Sequence[Tensor]], Stored]
    ) -> None:
        self._builder = builder
        self._publish = publish
        self._size = 0

    def skip(self, length: int) -> None:
        """Go on behind bytes of the file that are no concern of this part."""
        self._size += length

    def keep(self) -> None:
        """Keep the chunks for the file that is assembled of them, and publish nothing.

        Raises:
            ArtifactStoreError: they cannot be stored.
        """
        self._builder.keep()

    def refer(self, digest: bytes, length: int) -> bool:
        """Take a chunk that is stored, and say whether it is."""
        self._size += length
        return self._builder.refer(digest, length)

    def take(self, digest: bytes, content: memoryview, tensor: Tensor | None) -> bool:
        """Take a chunk with its content, and say whether that has the hash.

        Raises:
            ArtifactStoreError: it cannot be stored.
        """
        if blake3(content).digest() != digest:
            return False
        self._builder.take(Chunk(self._size, content, tensor))
        self._size += len(content)
        return True

    def publish(self, digest: bytes, tensors: Sequence[Tensor]) -> Stored:
        """Make the file visible durably; `digest` is the BLAKE3 of all of it.

        Raises:
            ArtifactStoreError: it cannot be stored.
        """
        return self._publish(self._size, digest, tensors)


class ArtifactStore:
    """Files by paths; any thread, and any number of processes."""

    def __init__(self, objects: Objects, index: ChunkIndex) -> None:
        self.objects = objects
        self.index = index
        self.find_predecessors: Callable[[str], Sequence[str]] = _none_known
        """Tells of a new file the paths of some that it may be a successor of, the likeliest
        first; for whoever knows of more than files. They need not be there."""

    def begin(self) -> None:
        """Mark the place as that of a store, for those who look for one further up.

        Raises:
            ArtifactStoreError: it is one of a later version, or is no place.
        """
        try:
            found = self.objects.get(_FORMAT)
        except MissingObjectError:
            self.objects.put(_FORMAT, [_VERSION])
            return
        if found != _VERSION:
            raise ArtifactStoreError(
                "the artifact store has been written by a later version; update Headwater"
            )

    def create(self, path: str) -> FileWriter:
        """Begin to store a file that comes as a stream."""
        upload = Upload(self._builder(path))
        return FileWriter(upload, lambda: self._note(path, upload.publish(_object_name(path))))

    def assemble(self, path: str, likeness: Likeness | None = None) -> "FileAssembly":
        """Begin to store a file of which another machine has cut the chunks."""
        builder = self._builder(path, likeness or Likeness())

        def publish(size: int, digest: bytes, tensors: Sequence[Tensor]) -> Stored:
            return self._note(path, builder.publish(_object_name(path), size, digest, tensors))

        return FileAssembly(builder, publish)

    def cuts(self, size: int) -> list[list[int]]:
        """Return the lengths of the chunks of files of so many bytes, each way to cut them once."""
        found: dict[bytes, list[int]] = {}
        for path in self.index.of_size(size, _COPIES):
            stored = self._sound(path)
            if stored is not None and len(stored.manifest.chunks) <= _MOST_TOLD:
                lengths = stored.manifest.chunks["length"]
                found.setdefault(lengths.tobytes(), lengths.tolist())
        return list(found.values())

    def copy(self, path: str, recipe: bytes) -> Stored | None:
        """Store the file of these chunks, if it is there under any path; else return None.

        Raises:
            ArtifactStoreError: it cannot be stored.
        """
        source = self.index.find_recipe(recipe)
        found = None if source is None else self._sound(source)
        if found is None or found.manifest.recipe != recipe:  # deleted, or stored anew
            return None
        stored = self._builder(path).copy(_object_name(path), found.manifest)
        return None if stored is None else self._note(path, stored)

    def size_of(self, recipe: bytes) -> int | None:
        """Return the bytes of the file of these chunks, None where none is known."""
        return self.index.size_of(recipe)

    def missing(self, digests: Sequence[bytes]) -> list[int]:
        """Return the numbers of the chunks that are not stored, as far as known now."""
        builder = self._builder("")
        builder.look_up(digests)
        return [number for number, digest in enumerate(digests) if not builder.has(digest)]

    def find(self, path: str) -> Head | None:
        """Return what is known of a file, None where there is none.

        Raises:
            CorruptArtifactError: its manifest is damaged.
        """
        try:
            return decode_head(self.objects.get(_object_name(path), 0, HEAD_BYTES))
        except MissingObjectError:
            return None

    def open(self, path: str) -> StoredFile | None:
        """Return a file to read, None where there is none. Raises CorruptArtifactError."""
        try:
            content = self.objects.get(_object_name(path))
        except MissingObjectError:
            return None
        return StoredFile(self.objects, decode_manifest(content), path)

    def list(self, path: str) -> list[Listed]:
        """Return what is directly below a directory, in the order of the names."""
        name = _object_name(path) if path else MANIFESTS
        found = self.objects.list_directory(name)
        listed = [Listed(_path_of(each), None) for each in found.directories]
        names = [each.name for each in found.objects]
        for name, content in self.objects.get_each(names, HEAD_BYTES):
            if content is not None:  # not deleted meanwhile
                listed.append(Listed(_path_of(name), decode_head(content).size))
        return sorted(listed, key=lambda each: each.path)

    def is_directory(self, path: str) -> bool:
        """Say whether there is anything below a path, without reading what."""
        found = self.objects.list_directory(_object_name(path) if path else MANIFESTS)
        return bool(found.directories or found.objects)

    def file_above(self, path: str) -> str | None:
        """Return the path of a file where a directory above the path would be."""
        parts = path.split("/")
        above = ["/".join(parts[:count]) for count in range(1, len(parts))]
        found = self.objects.find_each([_object_name(each) for each in above])
        return next((each for each, is_file in zip(above, found, strict=True) if is_file), None)

    def delete(self, path: str) -> int:
        """Delete a file, or all below a directory, and return how many files that were.

        Their chunks stay until they are collected.
        """
        if self.objects.delete(_object_name(path)):
            self.index.note_file(path, None)
            return 1
        names = [each.name for each in self.objects.list(_object_name(path))]
        self.objects.delete_each(names)
        for name in names:
            self.index.note_file(_path_of(name), None)
        return len(names)

    def paths(self) -> Iterator[str]:
        """Yield the paths of all files, in no order."""
        for each in self.objects.list(MANIFESTS):
            yield _path_of(each.name)

    def note(self, path: str, manifest: Manifest) -> None:
        """Note in the index what a stored file is."""
        self._note(path, Stored(manifest.head, 0, manifest.recipe, manifest.tensors))

    def correct_size(self, path: str) -> bool:
        """Correct what the index tells of a file's size, and say whether it was wrong."""
        try:
            head = self.find(path)
        except CorruptArtifactError:
            return False
        size = None if head is None else head.size
        if self.index.size(path) == size:
            return False
        self.index.note_file(path, size)
        return True

    def close(self) -> None:
        """Close the index."""
        self.index.close()

    def _builder(self, path: str, likeness: Likeness = Likeness()) -> FileBuilder:
        def find_similar(first: Tensor) -> tuple[Similar, ...]:
            return self._similar(path, likeness.first or first, likeness.base)

        return FileBuilder(self.objects, self.index, find_similar)

    def _note(self, path: str, stored: Stored) -> Stored:
        """Note how large the file is, what it may be a base of, and that it can be copied."""
        head = stored.head
        self.index.note_file(path, head.size)
        if head.size > SMALL_FILE:
            self.index.note_recipe(stored.recipe, head.size, head.stored_at, path)
        if stored.tensors:
            first = stored.tensors[0]
            structure = structure_of(Tensor(first.name, first.start, first.size))
            self.index.note_structure(structure, path, stored.head.stored_at)
        return stored

    def _similar(self, path: str, first: Tensor, base: str | None) -> tuple[Similar, ...]:
        """Return the files that a new one may resemble, the likeliest first."""
        for each in () if base is None else declared(path, base):
            found = self._sound(each)
            if found is not None and found.manifest.tensors:
                return (Similar(found.manifest),)
        near = self._nearest(path, self.index.alike(structure_of(first), _CANDIDATES))
        if near is not None and is_beside(path, near.path):
            return (Similar(near.manifest),)
        known = [self._sound(each) for each in self.find_predecessors(path)]
        files = {each.path: each for each in (*known, near) if each is not None}
        return tuple(Similar(each.manifest) for each in files.values() if each.manifest.tensors)

    def _nearest(self, path: str, candidates: Sequence[str]) -> StoredFile | None:
        """Return the nearest file that is still there; the index goes on naming deleted ones."""
        for _ in range(_LOOKS):
            chosen = nearest(path, candidates)
            found = None if chosen is None else self._sound(chosen)
            if chosen is None or found is not None:
                return found
            candidates = [each for each in candidates if each != chosen]
        return None

    def _sound(self, path: str) -> StoredFile | None:
        """Return a file whose manifest can be read."""
        try:
            return self.open(path)
        except CorruptArtifactError:
            return None


def open_local_store(root: Path) -> ArtifactStore:
    """Open the store in a directory, which is made where it is missing.

    Raises:
        ArtifactStoreError: it cannot be used.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArtifactStoreError(f"the artifact store {root} cannot be made: {error}") from error
    return ArtifactStore(LocalObjects(root), ChunkIndex(root / "index.db"))


def _none_known(_: str) -> tuple[str, ...]:
    return ()


def _object_name(path: str) -> str:
    return f"{MANIFESTS}/{path}"


def _path_of(name: str) -> str:
    return name.removeprefix(f"{MANIFESTS}/")
