"""Cuts a local file into the chunks that a store would cut it into."""

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from headwater.storage.artifacts.cut import Chunk, Cutter
from headwater.storage.artifacts.tensor_layout import Tensor

_BLOCK = 4 * 1024 * 1024


@dataclass(frozen=True)
class CutFile:
    """A file in chunks, while it is open."""

    read: Callable[[int], bytes]
    """Returns the content of the chunk of that number. Raises OSError."""

    digest: bytes
    """BLAKE3 of all of it."""

    digests: list[bytes]
    """Of the chunks, in their order."""

    starts: list[int]
    """Where each chunk begins, and last where the file ends."""

    tensor_numbers: list[int]
    """Which of the tensors each chunk belongs to; -1 for none."""

    tensors: list[Tensor]


_Chunks = list[tuple[bytes, int, Tensor | None]]
"""Hash, start and tensor of each."""

Known = dict[tuple[int, int], bytes]
"""Hashes of parts of a file by their start and length."""


class OpenFile:
    """A file that is not empty. It is read, not mapped: somebody may shorten it meanwhile."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._known: Known = {}
        self.size = os.fstat(descriptor).st_size

    def read(self, start: int, length: int) -> bytes:
        """Return a part. Raises OSError, also where the file has become shorter."""
        content = os.pread(self._descriptor, length, start)
        while len(content) < length:
            more = os.pread(self._descriptor, length - len(content), start + len(content))
            if not more:
                raise OSError("the file has become shorter while it was read")
            content += more
        return content

    def hash_parts(self, lengths: Sequence[int]) -> bytes:
        """Return the BLAKE3 of parts that are all of the file, joined; by all processors."""
        parts = list(zip(itertools.accumulate(lengths, initial=0), lengths, strict=False))
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            found = list(threads.map(self._hash_group, _groups(parts)))
        digests = [each for group in found for each in group]
        self._known.update(zip(parts, digests, strict=True))
        return b"".join(digests)

    def cut(self) -> CutFile:
        """Cut the file into chunks."""
        digest, cutter, chunks = self._cut()
        numbers = {tensor: number for number, tensor in enumerate(cutter.tensors)}
        starts = [*(start for _, start, _ in chunks), self.size]
        return CutFile(
            lambda number: self.read(starts[number], starts[number + 1] - starts[number]),
            digest,
            [each for each, _, _ in chunks],
            starts,
            [-1 if tensor is None else numbers[tensor] for _, _, tensor in chunks],
            cutter.tensors,
        )

    def _hash_group(self, parts: Sequence[tuple[int, int]]) -> list[bytes]:
        known = [self._known.get(part) for part in parts]
        if None not in known:
            return [each for each in known if each is not None]
        first, last = parts[0], parts[-1]
        content = memoryview(self.read(first[0], last[0] + last[1] - first[0]))
        return [blake3(content[start - first[0] :][:length]).digest() for start, length in parts]

    def _cut(self) -> tuple[bytes, Cutter, _Chunks]:
        whole, cutter = blake3(), Cutter()
        found: _Chunks = []
        # BLAKE3 leaves the interpreter to others: the whole is hashed beside the chunks.
        with ThreadPoolExecutor(1) as beside:
            hashing = beside.submit(whole.update, b"")
            for first in range(0, self.size, _BLOCK):
                block = self.read(first, min(_BLOCK, self.size - first))
                hashing.result()
                hashing = beside.submit(whole.update, block)
                self._note(cutter.feed(block), found)
            self._note(cutter.finish(), found)
            hashing.result()
        return whole.digest(), cutter, found

    def _note(self, chunks: Iterable[Chunk], found: _Chunks) -> None:
        for chunk in chunks:
            digest = self._known.get((chunk.start, len(chunk.content)))
            found.append((digest or blake3(chunk.content).digest(), chunk.start, chunk.tensor))


def _groups(parts: Sequence[tuple[int, int]]) -> Iterator[Sequence[tuple[int, int]]]:
    """Yield parts that a thread reads together, of about a block."""
    first, size = 0, 0
    for number, (_, length) in enumerate(parts):
        size += length
        if size >= _BLOCK or number == len(parts) - 1:
            yield parts[first : number + 1]
            first, size = number + 1, 0


@contextmanager
def open_file(path: Path) -> Iterator[OpenFile]:
    """Open a file that is not empty. Raises OSError."""
    with path.open("rb") as file:
        yield OpenFile(file.fileno())
