"""Cuts a local file into the chunks that a store would cut it into."""

import itertools
import mmap
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from headwater.storage.artifacts.cut import Cutter
from headwater.storage.artifacts.tensor_layout import Tensor

_BLOCK = 4 * 1024 * 1024
_AT_ONCE = 64
"""Parts that a thread hashes before it takes the next ones."""


@dataclass(frozen=True)
class CutFile:
    """A file in chunks, while it is open."""

    read: Callable[[int], bytes]
    """Returns the content of the chunk of that number."""

    digest: bytes
    """BLAKE3 of all of it."""

    digests: list[bytes]
    """Of the chunks, in their order."""

    starts: list[int]
    """Where each chunk begins, and last where the file ends."""

    tensor_numbers: list[int]
    """Which of the tensors each chunk belongs to; -1 for none."""

    tensors: list[Tensor]


Known = dict[tuple[int, int], bytes]
"""Hashes of parts of a file by their start and length."""


class OpenFile:
    """A file that is not empty, mapped into memory."""

    def __init__(self, mapped: mmap.mmap) -> None:
        self._mapped = mapped
        self._known: Known = {}

    def hash_parts(self, lengths: Sequence[int]) -> bytes:
        """Return the BLAKE3 of parts that are all of the file, joined; by all processors."""
        starts = itertools.accumulate(lengths, initial=0)
        parts = list(zip(starts, lengths, strict=False))
        with memoryview(self._mapped) as content, ThreadPoolExecutor(os.cpu_count()) as threads:

            def one(part: tuple[int, int]) -> bytes:
                found = self._known.get(part)
                start, length = part
                return found or blake3(content[start : start + length]).digest()

            def some(first: int) -> list[bytes]:
                return [one(part) for part in parts[first : first + _AT_ONCE]]

            found = list(threads.map(some, range(0, len(parts), _AT_ONCE)))
        digests = [each for group in found for each in group]
        self._known.update(zip(parts, digests, strict=True))
        return b"".join(digests)

    def cut(self) -> CutFile:
        """Cut the file into chunks."""
        mapped = self._mapped
        with memoryview(mapped) as content:
            digest, cutter, chunks = _cut(content, self._known)
        numbers = {tensor: number for number, tensor in enumerate(cutter.tensors)}
        starts = [*(start for _, start, _ in chunks), len(mapped)]
        return CutFile(
            lambda number: mapped[starts[number] : starts[number + 1]],
            digest,
            [each for each, _, _ in chunks],
            starts,
            [-1 if tensor is None else numbers[tensor] for _, _, tensor in chunks],
            cutter.tensors,
        )


@contextmanager
def open_file(path: Path) -> Iterator[OpenFile]:
    """Open a file that is not empty. Raises OSError."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        yield OpenFile(mapped)


_Chunks = list[tuple[bytes, int, Tensor | None]]
"""Hash, start and tensor of each."""


def _cut(content: memoryview, known: Known) -> tuple[bytes, Cutter, _Chunks]:
    whole = blake3()
    # BLAKE3 leaves the interpreter to others.
    hashing = threading.Thread(target=whole.update, args=(content,))
    hashing.start()
    cutter = Cutter()
    found: _Chunks = []
    for first in range(0, len(content) + 1, _BLOCK):
        block = content[first : first + _BLOCK]
        is_last = first + _BLOCK > len(content)
        for chunks in (cutter.feed(block), cutter.finish() if is_last else ()):
            for chunk in chunks:
                digest = known.get((chunk.start, len(chunk.content)))
                digest = digest or blake3(chunk.content).digest()
                found.append((digest, chunk.start, chunk.tensor))
    hashing.join()
    return whole.digest(), cutter, found
