"""Reads stored files, whole or in part, and verifies every chunk on the way."""

from collections.abc import Iterator

from blake3 import blake3

from headwater.errors import CorruptArtifactError, MissingObjectError
from headwater.storage.artifacts import pack
from headwater.storage.artifacts.encoding import Decoder
from headwater.storage.artifacts.manifest import Manifest
from headwater.storage.artifacts.moved import Moved, read_moved
from headwater.storage.artifacts.objects import Objects
from headwater.storage.artifacts.planes import Bytes
from headwater.storage.artifacts.read_ahead import WINDOW_BYTES, ReadAhead

_NOTHING = memoryview(b"")
_WINDOWS = 6
"""Packs of which a part is held: a chunk and what it builds on are in different ones, which are no
more than a chain of differences is deep, and one in which the file goes on."""


class FileReader:
    """Reads one file by its manifest."""

    def __init__(self, objects: Objects, manifest: Manifest, name: str) -> None:
        """`name` is what messages call the file."""
        self._objects = objects
        self._manifest = manifest
        self._name = name
        self._decoder = Decoder()
        self._windows: dict[str, tuple[int, memoryview]] = {}
        """By pack, offset and content of what was read of it last."""

        self._ahead: ReadAhead | None = None
        self._number = 0
        """Of the chunk that is read."""

        self._moved: dict[str, Moved] = {}
        """By pack that is not there any more, where its chunks are."""

    def read(self, start: int = 0, end: int | None = None) -> Iterator[Bytes]:
        """Yield the bytes from `start` to before `end`.

        Raises:
            CorruptArtifactError: they are not what was stored; nothing of the chunk is yielded.
        """
        starts = self._manifest.starts
        size = self._manifest.head.size
        end = size if end is None else min(end, size)
        if start >= end:
            return
        number = int(starts.searchsorted(start, "right")) - 1
        if self._objects.reads_ahead:
            after = int(starts.searchsorted(end, "left"))
            self._ahead = ReadAhead(self._objects, self._manifest, number, after)
        try:
            while number < len(starts) - 1 and starts[number] < end:
                content = self.chunk(number)
                begin = int(starts[number])
                first, last = max(0, start - begin), min(len(content), end - begin)
                yield content if last - first == len(content) else content[first:last]
                number += 1
        finally:
            if self._ahead is not None:
                self._ahead.close()
                self._ahead = None

    def chunk(self, number: int, levels: int = 0) -> Bytes:
        """Return a chunk of the file, or what is so many differences below it.

        Raises:
            CorruptArtifactError: it is not what was stored.
        """
        self._number = number
        rows = self._manifest.chain(number)[levels:]
        encoded = [
            self._encoded(int(row["pack"]), int(row["offset"]), int(row["stored"])) for row in rows
        ]
        content = self._decoder.decode(*encoded)
        # What is below is not compared: were it another, so would be what is made of it.
        if blake3(content).digest() != rows[0]["hash"].tobytes():
            raise CorruptArtifactError(
                f"{self._name}: chunk {number} is not what was stored; restore a backup, or store "
                "the file again"
            )
        return content

    def _encoded(self, number: int, offset: int, stored: int) -> Bytes:
        if number < 0:
            return self._manifest.inline[offset : offset + stored]
        return self._packed(self._manifest.packs[number], offset, stored)

    def _packed(self, name: str, offset: int, stored: int) -> Bytes:
        if name in self._moved:
            place = self._moved[name].find(offset)
            if place is None:
                raise CorruptArtifactError(f"{self._name}: a chunk of the pack {name} is missing")
            return self._packed(*place, stored)
        if self._ahead is not None:
            ahead = self._ahead.find(self._number, name, offset, stored)
            if ahead is not None:
                return ahead
        begin, content = self._windows.get(name, (0, _NOTHING))
        if not begin <= offset <= offset + stored <= begin + len(content):
            try:
                content = memoryview(
                    self._objects.get(pack.object_name(name), offset, max(stored, WINDOW_BYTES))
                )
            except MissingObjectError as error:
                moved = read_moved(self._objects, name)
                if moved is None:
                    raise CorruptArtifactError(
                        f"{self._name}: the pack {name} is missing"
                    ) from error
                self._moved[name] = moved
                return self._packed(name, offset, stored)
            begin = offset
            self._windows.pop(name, None)
            if len(self._windows) >= _WINDOWS:
                del self._windows[next(iter(self._windows))]
            self._windows[name] = (begin, content)
        found = content[offset - begin : offset - begin + stored]
        if len(found) < stored:
            raise CorruptArtifactError(f"{self._name}: the pack {name} is cut off")
        return found
