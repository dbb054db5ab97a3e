"""Cuts a stream of bytes into chunks: at tensors where there are some, else by content.

Content-defined cuts are those of FastCDC (Xia et al., USENIX ATC 2016, in the version of 2020): an
insertion moves the cuts near it only. Tensors are cut at their beginnings and then every
`PIECE_BYTES`, so that a tensor has the same chunks in whatever file it stands.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pyfastcdc import FastCDC

from headwater.storage.artifacts.tensor_layout import LayoutReader, Tensor

AVERAGE_BYTES = 64 * 1024
SMALLEST_BYTES = 16 * 1024
LARGEST_BYTES = 256 * 1024
PIECE_BYTES = 512 * 1024
_WINDOW = 4 * 1024 * 1024

_CUTTER = FastCDC(AVERAGE_BYTES, min_size=SMALLEST_BYTES, max_size=LARGEST_BYTES)

Bytes = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes that are stored together."""

    start: int
    """Where in the stream."""

    content: memoryview
    tensor: Tensor | None
    """The one that it belongs to."""


class Cutter:
    """Takes a stream piece by piece; memory is bounded, whatever its length."""

    def __init__(self) -> None:
        self._layout = LayoutReader()
        self._parts: list[Bytes] = []
        """What is not cut yet; joined once, when it is enough."""

        self._size = 0
        """Of the parts together."""

        self._start = 0
        """Of the first part, in the stream."""

    @property
    def tensors(self) -> list[Tensor]:
        """Return the tensors that were met so far."""
        return self._layout.tensors

    def feed(self, content: Bytes) -> Iterator[Chunk]:
        """Yield the chunks that are certain now. The content must not change any more."""
        self._parts.append(content)
        self._size += len(content)
        yield from self._cut(is_end=False)

    def finish(self) -> Iterator[Chunk]:
        """Yield the rest."""
        yield from self._cut(is_end=True)

    def _cut(self, *, is_end: bool) -> Iterator[Chunk]:
        if self._size < _WINDOW and not is_end:
            return
        view = memoryview(self._parts[0] if len(self._parts) == 1 else b"".join(self._parts))
        self._layout.feed(self._start, view, is_end=is_end)
        at = 0
        while at < len(view):
            region = self._layout.region(self._start + at)
            end = len(view) if region.end is None else min(len(view), region.end - self._start)
            is_whole = region.end is not None and region.end - self._start <= len(view)
            last = is_whole or is_end
            if region.is_open and not is_end:
                break
            if region.tensor is not None:
                ends = list(_pieces(region.tensor.start - self._start, at, end, last=last))
            else:
                ends = list(_content_defined(view[at:end], at, last=last))
            for stop in ends:
                yield Chunk(self._start + at, view[at:stop], region.tensor)
                at = stop
            if at < end:
                break
        self._start += at
        self._parts, self._size = [view[at:]], len(view) - at


def _pieces(origin: int, at: int, end: int, *, last: bool) -> Iterator[int]:
    """Yield the ends of a tensor's pieces; `last` says that it ends at `end`."""
    while at < end:
        stop = origin + ((at - origin) // PIECE_BYTES + 1) * PIECE_BYTES
        if stop > end:
            if last:
                yield end
            return
        yield stop
        at = stop


def _content_defined(content: memoryview, at: int, *, last: bool) -> Iterator[int]:
    """Yield the ends of chunks; the one that the content's end has cut only if it is the `last`."""
    stop = at
    for found in _CUTTER.cut_buf(content):
        stop = at + found.offset + found.length
        if found.offset + found.length == len(content) and not last:
            return
        yield stop
