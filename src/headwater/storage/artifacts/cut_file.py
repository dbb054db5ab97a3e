"""Cuts a local file into the chunks that a store would cut it into."""

import mmap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from headwater.storage.artifacts.cut import Cutter
from headwater.storage.artifacts.tensor_layout import Tensor

_BLOCK = 4 * 1024 * 1024


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


@contextmanager
def cut_file(path: Path, digest: bytes | None = None) -> Iterator[CutFile]:
    """Cut a file that is not empty, and keep it open; `digest` is its BLAKE3, where that is known.

    Raises OSError.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        with memoryview(mapped) as content:
            digest, cutter, chunks = _cut(content, digest)
        numbers = {tensor: number for number, tensor in enumerate(cutter.tensors)}
        starts = [*(start for _, start, _ in chunks), len(mapped)]
        yield CutFile(
            lambda number: mapped[starts[number] : starts[number + 1]],
            digest,
            [each for each, _, _ in chunks],
            starts,
            [-1 if tensor is None else numbers[tensor] for _, _, tensor in chunks],
            cutter.tensors,
        )


_Chunks = list[tuple[bytes, int, Tensor | None]]
"""Hash, start and tensor of each."""


def _cut(content: memoryview, digest: bytes | None) -> tuple[bytes, Cutter, _Chunks]:
    whole = blake3()
    # BLAKE3 leaves the interpreter to others.
    hashing = threading.Thread(target=whole.update, args=(content,))
    if digest is None:
        hashing.start()
    cutter = Cutter()
    found: _Chunks = []
    for first in range(0, len(content) + 1, _BLOCK):
        block = content[first : first + _BLOCK]
        is_last = first + _BLOCK > len(content)
        for chunks in (cutter.feed(block), cutter.finish() if is_last else ()):
            for chunk in chunks:
                found.append((blake3(chunk.content).digest(), chunk.start, chunk.tensor))
    if digest is None:
        hashing.join()
        digest = whole.digest()
    return digest, cutter, found
