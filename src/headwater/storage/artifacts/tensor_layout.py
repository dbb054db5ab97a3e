"""Where the tensors of a file stand, read from its beginning on while it streams by.

Nothing is ever unpickled. A file that only looks like one of these is cut in other places, and
stored as exactly as any.

Sources: the safetensors format; numpy's NEP 1 (npy) with zip (npz); PyTorch's files since 1.6 are
zip archives whose entries are not compressed (APPNOTE.TXT 6.3.9, 4.3.7 local file header);
for GGUF see `gguf`.
"""

import ast
import json
import struct
from bisect import bisect_right
from dataclasses import dataclass, field

from headwater.storage.artifacts import gguf
from headwater.storage.artifacts.gguf import GgufReader
from headwater.storage.artifacts.torch_storages import storages_in

_LARGEST_HEADER = 16 * 1024 * 1024
_SMALLEST_TENSOR = 4 * 1024
"""Smaller ones stay with what is around them."""

_ZIP_HEAD = struct.Struct("<4sHHHHHIIIHH")
_ZIP_MAGIC = b"PK\x03\x04"
_ZIP64 = 0x0001
_SIZE_BEHIND = 8
_DESCRIPTOR = b"PK\x07\x08"
_SHORT_DESCRIPTOR, _LONG_DESCRIPTOR = 16, 24
_LARGEST_UNTOLD = 3 * 1024 * 1024
"""Bytes of an entry whose size is not known before it, such as PyTorch's pickle."""

_UNKNOWN = 0xFFFFFFFF
_LARGEST_FILE = 2**62
"""Bytes; a header may say anything."""

_NPY_MAGIC = b"\x93NUMPY"
_BEGIN = 10


@dataclass(frozen=True, slots=True)
class Tensor:
    """Bytes that are one tensor's."""

    name: str
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the stream that is one tensor's, or none's."""

    tensor: Tensor | None
    end: int | None
    """Where it ends; None: not before more of the stream is seen."""

    is_open: bool = False
    """Whether tensors may still be found in what was seen of it."""


@dataclass
class LayoutReader:
    """Learns the layout; `region` tells what stands where."""

    tensors: list[Tensor] = field(default_factory=list)
    """In their order."""

    _starts: list[int] = field(default_factory=list)
    _kind: str = ""
    _next: int = 0
    """Where the next header is to be read, in the stream."""

    _gguf: GgufReader = field(default_factory=GgufReader)
    _storages: dict[str, int] = field(default_factory=dict)
    """Bytes of the storages of a PyTorch file, by their keys."""

    def feed(self, start: int, content: memoryview, *, is_end: bool) -> None:
        """Learn from what stands in the stream from `start` on; what was not cut comes again."""
        if not self._kind:
            self._kind = _kind(content)
        if self._kind == "safetensors" and self._next == 0:
            self._read_safetensors(content, is_end=is_end)
        elif self._kind == "gguf" and not self._gguf.is_over:
            for begin, size, name in self._gguf.feed(content, is_end=is_end) or ():
                self._add(name, begin, size)
        elif self._kind == "npy" and self._next == 0:
            self._read_npy(content)
        elif self._kind == "zip":
            self._read_zip(start, content)

    def region(self, at: int) -> Region:
        """Return what a position of the stream belongs to."""
        before = bisect_right(self._starts, at) - 1
        if before >= 0:
            tensor = self.tensors[before]
            if at < tensor.start + tensor.size:
                return Region(tensor, tensor.start + tensor.size)
        if before + 1 < len(self.tensors):
            return Region(None, self.tensors[before + 1].start)
        if self._kind == "safetensors" and self._next == 0:
            return Region(None, None, is_open=True)
        if self._kind == "gguf" and not self._gguf.is_over:
            return Region(None, None, is_open=True)
        if self._kind == "zip" and at >= self._next:
            return Region(None, None, is_open=True)
        if self._kind == "zip":
            return Region(None, self._next)
        return Region(None, None)

    def _add(self, name: str, start: int, size: int) -> None:
        last = self.tensors[-1] if self.tensors else None
        if size < _SMALLEST_TENSOR or (last is not None and start < last.start + last.size):
            return
        if start + size > _LARGEST_FILE:
            return
        self.tensors.append(Tensor(name, start, size))
        self._starts.append(start)

    def _read_safetensors(self, content: memoryview, *, is_end: bool) -> None:
        (length,) = struct.unpack_from("<Q", content)
        if len(content) < 8 + length:
            if is_end:
                self._kind = "other"
            return
        self._next = 8 + length
        try:
            header = json.loads(bytes(content[8 : 8 + length]))
            found = sorted(
                (int(begin), int(end), str(name))
                for name, about in header.items()
                if name != "__metadata__"
                for begin, end in [about["data_offsets"]]
            )
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            self._kind = "other"
            return
        for begin, end, name in found:
            if begin >= 0:
                self._add(name, self._next + begin, end - begin)

    def _read_npy(self, content: memoryview) -> None:
        try:
            wide = content[6] > 1
            length = int.from_bytes(content[8 : 12 if wide else 10], "little")
            begin = (12 if wide else 10) + length
            header = ast.literal_eval(bytes(content[begin - length : begin]).decode("latin-1"))
            size = _npy_size(header)
        except (
            ValueError,
            SyntaxError,
            KeyError,
            TypeError,
            IndexError,
            MemoryError,
            RecursionError,
        ):
            size = 0
            begin = 1
        self._next = begin
        if size:
            self._add("", begin, size)

    def _read_zip(self, start: int, content: memoryview) -> None:
        """Follow the local headers as far as they are there."""
        while self._next >= start:
            at = self._next - start
            if at + _ZIP_HEAD.size > len(content):
                return
            found = _ZIP_HEAD.unpack_from(content, at)
            magic, _, flags, method, _, _, _, packed, _, name_size, extra_size = found
            if magic != _ZIP_MAGIC:
                self._kind = "other"  # the directory at the end
                return
            names = at + _ZIP_HEAD.size
            begin = names + name_size + extra_size
            if begin > len(content):
                return
            name = bytes(content[names : names + name_size]).decode("utf-8", "replace")
            # PyTorch puts all entries into a directory that has the name of the file.
            name = name.partition("/")[2] or name
            extra = content[names + name_size : begin]
            size = _zip64_size(extra) if packed == _UNKNOWN else packed
            behind = 0
            if flags & _SIZE_BEHIND and not size:
                found_size = self._size_behind(name, content[begin:])
                if found_size is None:
                    return
                size, behind = found_size
            if size is None or size < 0:
                self._kind = "other"
                return
            if method == 0:
                self._add_entry(name, start + begin, size, content[begin : begin + 128])
            self._next = start + begin + size + behind

    def _size_behind(self, name: str, rest: memoryview) -> tuple[int, int] | None:
        """Return the size of an entry that has it behind its content, and the size of that.

        None: more of the stream is needed to tell; a negative size: it cannot be told.
        """
        key = name.removeprefix("data/")
        if key in self._storages:
            size = self._storages[key]
            return size, _LONG_DESCRIPTOR if size > _UNKNOWN else _SHORT_DESCRIPTOR
        content = bytes(rest[:_LARGEST_UNTOLD])
        if name == "data.pkl":
            found = storages_in(content)
            if found is None:
                return (-1, 0) if len(content) == _LARGEST_UNTOLD else None
            self._storages = dict(found[0])
            size = found[1]
        else:
            size = content.find(_DESCRIPTOR)
            if size < 0:
                return (-1, 0) if len(content) == _LARGEST_UNTOLD else None
        if len(content) < size + _LONG_DESCRIPTOR + 4:
            return None
        return size, _descriptor_size(content[size : size + _LONG_DESCRIPTOR + 4])

    def _add_entry(self, name: str, begin: int, size: int, head: memoryview) -> None:
        """Note an archive's entry; of an npy file, its array."""
        skipped = 0
        if bytes(head[:6]) == _NPY_MAGIC and len(head) >= _BEGIN and head[6] == 1:
            skipped = 10 + int.from_bytes(head[8:10], "little")
        if skipped < size:
            self._add(name, begin + skipped, size - skipped)


def _kind(content: memoryview) -> str:
    head = bytes(content[:16])
    if head.startswith(_ZIP_MAGIC):
        return "zip"
    if head.startswith(_NPY_MAGIC):
        return "npy"
    if head.startswith(gguf.MAGIC):
        return "gguf"
    if len(head) >= _BEGIN and head[8:9] == b"{":
        (length,) = struct.unpack_from("<Q", head)
        if 2 <= length <= _LARGEST_HEADER:
            return "safetensors"
    return "other"


def _npy_size(header: dict[str, object]) -> int:
    kind, shape = str(header["descr"]), header["shape"]
    if not isinstance(shape, tuple) or kind[:1] not in "<>|=" or kind[1:2] not in "fiucb":
        return 0
    size = int(kind[2:])
    for length in shape:
        size *= int(length)
    return size


def _descriptor_size(content: bytes) -> int:
    """Return how long the descriptor is that some bytes begin with: another entry follows it."""
    if content[_SHORT_DESCRIPTOR : _SHORT_DESCRIPTOR + 2] == b"PK":
        return _SHORT_DESCRIPTOR
    return _LONG_DESCRIPTOR


def _zip64_size(extra: memoryview) -> int | None:
    """Return the packed size of an entry of more than 4 GiB, or of one that may be."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == _ZIP64 and length >= 16:
            (size,) = struct.unpack_from("<Q", extra, at + 12)
            return int(size)
        at += 4 + length
    return None
