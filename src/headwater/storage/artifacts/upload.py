"""Stores one file that comes as a stream."""

from blake3 import blake3

from headwater.storage.artifacts.build import FileBuilder, Stored
from headwater.storage.artifacts.cut import Bytes, Cutter


class Upload:
    """One file that comes in piece by piece; one thread at a time."""

    def __init__(self, builder: FileBuilder) -> None:
        self._builder = builder
        self._cutter = Cutter()
        self._hash = blake3()
        self._size = 0

    def feed(self, content: Bytes) -> None:
        """Take the next bytes, which must not change any more. Raises ArtifactStoreError."""
        self._hash.update(content)
        self._size += len(content)
        for chunk in self._cutter.feed(content):
            self._builder.take(chunk)

    def publish(self, name: str) -> Stored:
        """Make the file the object of that name, durably. Raises ArtifactStoreError."""
        for chunk in self._cutter.finish():
            self._builder.take(chunk)
        return self._builder.publish(name, self._size, self._hash.digest(), self._cutter.tensors)
