"""Where the tensors of a GGUF file are, read from its header while it streams by.

Source: the GGUF specification of ggml, ``docs/gguf.md``, versions 2 and 3, little-endian: magic,
version, number of tensors, number of key-value pairs; the pairs; name, dimensions, type and offset
of each tensor; padding to ``general.alignment``; the tensors' bytes, each padded likewise.
"""

import math
import struct
from collections.abc import Generator
from typing import Any

MAGIC = b"GGUF"
LARGEST_HEADER = 32 * 1024 * 1024
"""Bytes, of which vocabularies are most; a file with more is cut like any other."""

_VERSIONS = (2, 3)
_MOST_TENSORS = 1_000_000
_MOST_DIMENSIONS = 8
_DEEPEST = 4
"""Arrays of arrays."""

_LENGTH = struct.Struct("<Q")
_STRING, _ARRAY, _UINT32 = 8, 9, 4
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of a value by its type, where all have the same."""

_BLOCKS = {
    0: (1, 4),  # F32
    1: (1, 2),  # F16
    2: (32, 18),  # Q4_0
    3: (32, 20),  # Q4_1
    6: (32, 22),  # Q5_0
    7: (32, 24),  # Q5_1
    8: (32, 34),  # Q8_0
    9: (32, 36),  # Q8_1
    10: (256, 84),  # Q2_K
    11: (256, 110),  # Q3_K
    12: (256, 144),  # Q4_K
    13: (256, 176),  # Q5_K
    14: (256, 210),  # Q6_K
    15: (256, 292),  # Q8_K
    16: (256, 66),  # IQ2_XXS
    17: (256, 74),  # IQ2_XS
    18: (256, 98),  # IQ3_XXS
    19: (256, 50),  # IQ1_S
    20: (32, 18),  # IQ4_NL
    21: (256, 110),  # IQ3_S
    22: (256, 82),  # IQ2_S
    23: (256, 136),  # IQ4_XS
    24: (1, 1),  # I8
    25: (1, 2),  # I16
    26: (1, 4),  # I32
    27: (1, 8),  # I64
    28: (1, 8),  # F64
    29: (256, 56),  # IQ1_M
    30: (1, 2),  # BF16
    34: (256, 54),  # TQ1_0
    35: (256, 66),  # TQ2_0
    39: (32, 17),  # MXFP4
    40: (64, 36),  # NVFP4
    41: (128, 18),  # Q1_0
}
"""Elements and bytes of a block by the type of a tensor. Source: ggml's ``ggml-common.h``."""

Found = list[tuple[int, int, str]]
"""Start, size and name of each tensor, in the order of the starts."""


class _NotGgufError(Exception):
    """The bytes contradict the format."""


class GgufReader:
    """Reads a header that comes in growing pieces; each byte of it is looked at once."""

    def __init__(self) -> None:
        self._content = memoryview(b"")
        self._at = 0
        self._steps = self._read()
        self.is_over = False
        """Whether more of the file would tell nothing more."""

    def feed(self, content: memoryview, *, is_end: bool) -> Found | None:
        """Take the file from its beginning on, as far as it is there, and return its tensors.

        None: it is no GGUF file, or not known yet.
        """
        self._content = content
        try:
            next(self._steps)
            self.is_over = is_end or len(content) > LARGEST_HEADER
        except StopIteration as end:
            self.is_over = True
            found: Found = end.value
            return found
        except (_NotGgufError, struct.error, UnicodeDecodeError):
            self.is_over = True
        finally:
            self._content = memoryview(b"")
        return None

    def _read(self) -> Generator[None, None, Found]:
        """Read all, and yield whenever more of the file is needed."""
        yield from self._need(24)
        magic, version, tensors, pairs = self._unpack("<4sIQQ")
        if magic != MAGIC or version not in _VERSIONS or tensors > _MOST_TENSORS:
            raise _NotGgufError
        alignment = 32
        for _ in range(self._possible(pairs)):
            name = yield from self._string()
            yield from self._need(4)
            (kind,) = self._unpack("<I")
            if name == b"general.alignment" and kind == _UINT32:
                yield from self._need(4)
                (alignment,) = self._unpack("<I")
            else:
                yield from self._skip(kind, 0)
        if alignment == 0 or alignment % 8 or alignment > LARGEST_HEADER:
            raise _NotGgufError
        described = []
        for _ in range(tensors):
            entry = yield from self._tensor(alignment)
            described.append(entry)
        begin = -(-self._at // alignment) * alignment
        return sorted((begin + offset, size, name) for offset, size, name in described)

    def _tensor(self, alignment: int) -> Generator[None, None, tuple[int, int, str]]:
        name = yield from self._string()
        yield from self._need(4)
        (count,) = self._unpack("<I")
        if count > _MOST_DIMENSIONS:
            raise _NotGgufError
        yield from self._need(8 * count + 12)
        *shape, kind, offset = self._unpack(f"<{count}QIQ")
        if offset % alignment:
            raise _NotGgufError
        # A type that is not known here has no size: it stays with what is around it.
        elements, size = _BLOCKS.get(kind, (1, 0))
        return offset, math.prod(shape) // elements * size, name.decode()

    def _skip(self, kind: int, depth: int) -> Generator[None, None, None]:
        if kind in _SIZES:
            yield from self._pass(_SIZES[kind])
        elif kind == _STRING:
            yield from self._string()
        elif kind == _ARRAY and depth < _DEEPEST:
            yield from self._need(12)
            inner, count = self._unpack("<IQ")
            if inner in _SIZES:
                yield from self._pass(_SIZES[inner] * count)
                return
            if inner == _STRING:
                yield from self._pass_strings(count)
                return
            for _ in range(self._possible(count)):
                yield from self._skip(inner, depth + 1)
        else:
            raise _NotGgufError

    def _string(self) -> Generator[None, None, bytes]:
        yield from self._need(8)
        (length,) = self._unpack("<Q")
        yield from self._need(length)
        self._at += length
        return bytes(self._content[self._at - length : self._at])

    def _pass_strings(self, count: int) -> Generator[None, None, None]:
        """Pass over a vocabulary: `_string` for each would take seconds."""
        left = self._possible(count)
        while left:
            content, at = self._content, self._at
            while left and at + 8 <= len(content):
                behind = at + 8 + _LENGTH.unpack_from(content, at)[0]
                if behind > len(content):
                    break
                at, left = behind, left - 1
            self._at = at
            if left:
                yield from self._need(8)
                yield from self._need(8 + _LENGTH.unpack_from(self._content, self._at)[0])

    def _possible(self, count: int) -> int:
        if count > LARGEST_HEADER:  # each takes a byte at least
            raise _NotGgufError
        return count

    def _unpack(self, form: str) -> tuple[Any, ...]:
        found = struct.unpack_from(form, self._content, self._at)
        self._at += struct.calcsize(form)
        return found

    def _pass(self, count: int) -> Generator[None, None, None]:
        yield from self._need(count)
        self._at += count

    def _need(self, count: int) -> Generator[None, None, None]:
        if self._at + count > LARGEST_HEADER:
            raise _NotGgufError
        while self._at + count > len(self._content):
            yield
