"""How a chunk is written down: as it is, compressed, in byte planes, or as difference to another.

An encoded chunk begins with a byte for its method and one for the width of its numbers, and ends
with a block for each part: u32 length with the highest bit set where it is compressed.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

import zstandard

from headwater.errors import CorruptArtifactError
from headwater.storage.artifacts import planes

_LEVEL = 3
_QUICK_LEVEL = 1
_SAMPLE = 16 * 1024
_WORTH = 0.97
"""What compresses to more than this part of its size is kept as it is."""

_WIDTHS = (2, 4, 8)
_LENGTH = struct.Struct("<I")
_HEAD = struct.Struct("<BB")
_COMPRESSED = 1 << 31


class Method(IntEnum):
    """What was done to a chunk."""

    PLAIN = 0
    PLANES = 1
    DIFFERENCE = 2


@dataclass(frozen=True, slots=True)
class Encoded:
    """A chunk as it is stored."""

    content: bytes
    is_difference: bool
    """Whether the base is needed to decode it."""


def encode(content: memoryview, base: bytes | None = None) -> Encoded:
    """Return the smallest of the ways to write a chunk that a look at its middle suggests.

    `base` is what a similar chunk holds.
    """
    width = _best_width(content)
    alone = _encode(Method.PLANES if width > 1 else Method.PLAIN, width, content)
    if base is None or len(base) != len(content):
        return Encoded(alone, False)
    found = _difference(content, base, width)
    if found is not None and len(found) < len(alone):
        return Encoded(found, True)
    return Encoded(alone, False)


def needs_base(encoded: bytes) -> bool:
    """Say whether `decode` needs the base."""
    return encoded[:1] == bytes((Method.DIFFERENCE,))


def decode(encoded: bytes, base: bytes | None = None) -> bytes:
    """Return the content.

    Raises:
        CorruptArtifactError: it is no encoded chunk.
    """
    try:
        method, width = _HEAD.unpack_from(encoded)
        parts = _unpack(encoded, _HEAD.size)
        if method == Method.PLAIN:
            [content] = parts
            return content
        joined = planes.join(parts, width)
        if method == Method.PLANES:
            return joined
        if method == Method.DIFFERENCE and base is not None:
            return _undo(joined, base, width)
    except (struct.error, zstandard.ZstdError, ValueError, IndexError, KeyError) as error:
        raise CorruptArtifactError(f"a chunk cannot be decoded: {error}") from error
    raise CorruptArtifactError(f"a chunk is encoded in the unknown way {method}")


def _difference(content: memoryview, base: bytes, width: int) -> bytes | None:
    """Return the content as difference; None where that is not worth a try."""
    if width == 1:
        width = 4
    whole = len(content) - len(content) % width
    changed = planes.subtract(content[:whole], memoryview(base)[:whole], width)
    return _encode(Method.DIFFERENCE, width, memoryview(changed + bytes(content[whole:])))


def _undo(joined: bytes, base: bytes, width: int) -> bytes:
    whole = len(joined) - len(joined) % width
    return planes.add(joined[:whole], memoryview(base)[:whole], width) + joined[whole:]


def _encode(method: Method, width: int, content: memoryview) -> bytes:
    parts = [bytes(content)] if method == Method.PLAIN else planes.split(content, width)
    blocks = [_HEAD.pack(method, width)]
    for part in parts:
        packed = _compress(part)
        length = len(packed) | (_COMPRESSED if packed is not part else 0)
        blocks += (_LENGTH.pack(length), packed)
    return b"".join(blocks)


def _unpack(encoded: bytes, at: int) -> list[bytes]:
    parts = []
    while at < len(encoded):
        (length,) = _LENGTH.unpack_from(encoded, at)
        at += _LENGTH.size
        size = length & ~_COMPRESSED
        if at + size > len(encoded):
            raise CorruptArtifactError("a chunk is cut off")
        part = encoded[at : at + size]
        parts.append(zstandard.decompress(part) if length & _COMPRESSED else part)
        at += size
    return parts


def _compress(part: bytes) -> bytes:
    """Return the part compressed, or itself where that saves too little."""
    if len(part) > 2 * _SAMPLE:
        middle = part[len(part) // 2 :][:_SAMPLE]
        if len(zstandard.compress(middle, _QUICK_LEVEL)) > _WORTH * len(middle):
            return part
    packed = zstandard.compress(part, _LEVEL)
    return packed if len(packed) < _WORTH * len(part) else part


def _best_width(content: memoryview) -> int:
    """Return the width of numbers as which the content compresses best, 1 for none."""
    if len(content) < 1024:
        return 1
    start = (len(content) // 2) & ~7
    sample = content[start : start + _SAMPLE]
    best, least = 1, len(zstandard.compress(sample, _QUICK_LEVEL)) * _WORTH
    for width in _WIDTHS:
        size = sum(
            min(len(plane), len(zstandard.compress(plane, _QUICK_LEVEL)))
            for plane in planes.split(sample, width)
        )
        if size < least:
            best, least = width, float(size)
    return best
