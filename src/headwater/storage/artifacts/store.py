"""The artifact store: files by their paths, on any place for objects."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from headwater.errors import ArtifactStoreError, CorruptArtifactError, MissingObjectError
from headwater.storage.artifacts.build import FileBuilder, Stored
from headwater.storage.artifacts.cut import Chunk
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
from headwater.storage.artifacts.similar import Similar, nearest, structure_of
from headwater.storage.artifacts.tensor_layout import Tensor
from headwater.storage.artifacts.upload import Upload

MANIFESTS = "manifests"
_CANDIDATES = 20


@dataclass(frozen=True, slots=True)
class Listed:
    """A file or directory in a directory."""

    path: str
    size: int | None
    """Bytes of a file; None for a directory."""


class StoredFile:
    """A file that can be read."""

    def __init__(self, objects: Objects, manifest: Manifest, path: str) -> None:
        self.head = manifest.head
        self.manifest = manifest
        self._objects = objects
        self._path = path

    def read(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` to before `end`. Raises CorruptArtifactError."""
        return FileReader(self._objects, self.manifest, self._path).read(start, end)


class FileWriter:
    """Takes a file that is being stored; one thread at a time."""

    def __init__(self, upload: Upload, publish: Callable[[], Stored]) -> None:
        self._upload = upload
        self._publish = publish

    def write(self, content: bytes) -> None:
        """Take the next bytes. Raises ArtifactStoreError."""
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

    def create(self, path: str) -> FileWriter:
        """Begin to store a file that comes as a stream."""
        upload = Upload(self._builder(path))
        return FileWriter(upload, lambda: self._note(path, upload.publish(_object_name(path))))

    def assemble(self, path: str) -> "FileAssembly":
        """Begin to store a file of which another machine has cut the chunks."""
        builder = self._builder(path)

        def publish(size: int, digest: bytes, tensors: Sequence[Tensor]) -> Stored:
            return self._note(path, builder.publish(_object_name(path), size, digest, tensors))

        return FileAssembly(builder, publish)

    def missing(self, digests: Sequence[bytes]) -> list[int]:
        """Return the numbers of the chunks that are not stored, as far as known now."""
        builder = self._builder("")
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
        for each in found.objects:
            head = self.find(_path_of(each.name))
            if head is not None:  # not deleted meanwhile
                listed.append(Listed(_path_of(each.name), head.size))
        return sorted(listed, key=lambda each: each.path)

    def is_directory(self, path: str) -> bool:
        """Say whether there is anything below a path, without reading what."""
        found = self.objects.list_directory(_object_name(path) if path else MANIFESTS)
        return bool(found.directories or found.objects)

    def delete(self, path: str) -> int:
        """Delete a file, or all below a directory, and return how many files that were.

        Their chunks stay until they are collected.
        """
        if self.objects.delete(_object_name(path)):
            self.index.note_file(path, None)
            return 1
        count = 0
        for each in list(self.objects.list(_object_name(path))):
            if self.objects.delete(each.name):
                self.index.note_file(_path_of(each.name), None)
                count += 1
        return count

    def paths(self) -> Iterator[str]:
        """Yield the paths of all files, in no order."""
        for each in self.objects.list(MANIFESTS):
            yield _path_of(each.name)

    def note(self, path: str) -> None:
        """Note in the index what a stored file is, if there is one. Raises CorruptArtifactError."""
        found = self.open(path)
        if found is not None:
            self._note(path, Stored(found.head, 0, found.manifest.tensors))

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

    def _builder(self, path: str) -> FileBuilder:
        return FileBuilder(self.objects, self.index, lambda first: self._similar(path, first))

    def _note(self, path: str, stored: Stored) -> Stored:
        """Note how large the file is, and what it may be a base of."""
        self.index.note_file(path, stored.head.size)
        if stored.tensors:
            first = stored.tensors[0]
            structure = structure_of(Tensor(first.name, first.start, first.size))
            self.index.note_structure(structure, path, stored.head.stored_at)
        return stored

    def _similar(self, path: str, first: Tensor) -> Similar | None:
        candidates = self.index.alike(structure_of(first), _CANDIDATES)
        chosen = nearest(path, candidates)
        if chosen is None:
            return None
        try:
            found = self.open(chosen)
        except CorruptArtifactError:
            return None
        return None if found is None else Similar(found.manifest)


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


def _object_name(path: str) -> str:
    return f"{MANIFESTS}/{path}"


def _path_of(name: str) -> str:
    return name.removeprefix(f"{MANIFESTS}/")
