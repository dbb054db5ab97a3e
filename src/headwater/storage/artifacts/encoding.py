"""How a chunk is written down: as it is, compressed, in byte planes, or as difference to another.

An encoded chunk begins with a byte for its method and one for the width of its numbers, and goes on
with a block for each part: u32 length with the highest bit set where it is compressed, the bytes.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import zstandard

from headwater.errors import CorruptArtifactError
from headwater.storage.artifacts import planes
from headwater.storage.artifacts.planes import Bytes, Numbers

_LEVEL = 3
_PLANE_LEVEL = 1
"""What is left of floats in planes has no repetitions: a higher level finds nothing more."""

_HARDLY_LOOKING = zstandard.ZstdCompressionParameters(
    strategy=zstandard.STRATEGY_FAST, min_match=7, hash_log=6, window_log=17
)
"""For bytes that are distributed unevenly and never repeat, as those of exponents: what looks like
a repetition is chance, and takes more room and three times the time. Runs are still found."""

_SAMPLE = 16 * 1024
_WORTH = 0.97
"""What compresses to more than this part of its size is kept as it is."""

_WIDTHS = (2, 4, 8)
_USES = 15
"""How often the width of one chunk is used for those after it."""

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


class Encoder:
    """Encodes chunks; one thread at a time."""

    def __init__(self) -> None:
        # Made once: a new compressor costs as much as it takes to compress a sample.
        self._usual = zstandard.ZstdCompressor(level=_LEVEL)
        self._quick = zstandard.ZstdCompressor(level=_PLANE_LEVEL)
        self._hardly_looking = zstandard.ZstdCompressor(compression_params=_HARDLY_LOOKING)
        self._of_planes = self._hardly_looking
        self._kind: object = None
        self._width, self._uses = 1, _USES

    def encode(
        self, content: memoryview, base: Bytes | None = None, kind: object = None
    ) -> Encoded:
        """Return the smallest of the ways to write a chunk that a look at its middle suggests.

        `base` is what a similar chunk holds. Chunks that follow each other with the same `kind`
        are likely to hold numbers of the same width, which is looked at again now and then.
        """
        start = (len(content) // 2) & ~7 if len(content) > 2 * _SAMPLE else 0
        sample = content[start : start + _SAMPLE]
        width = self._width_of(sample, kind)
        if base is not None and len(base) == len(content):
            by = width if width > 1 else 4
            whole = len(sample) - len(sample) % by
            changed = planes.subtract(sample[:whole], memoryview(base)[start : start + whole], by)
            if self._planes_size(changed, by) < _WORTH * self._size(sample, width):
                return Encoded(self._difference(content, base, by), True)
        if width == 1:
            return Encoded(
                self._blocks(Method.PLAIN, 1, [content], self._quick, self._usual), False
            )
        parts = planes.split(content, width)
        return Encoded(self._in_planes(Method.PLANES, width, parts), False)

    def _difference(self, content: memoryview, base: Bytes, width: int) -> bytes:
        whole = len(content) - len(content) % width
        changed = planes.subtract(content[:whole], memoryview(base)[:whole], width)
        parts = [*planes.split(changed, width)[:width], content[whole:]]
        return self._in_planes(Method.DIFFERENCE, width, parts)

    def _in_planes(self, method: Method, width: int, parts: list[memoryview]) -> bytes:
        return self._blocks(method, width, parts, self._of_planes, self._of_planes)

    def _width_of(self, sample: memoryview, kind: object) -> int:
        """Return the width of numbers as which a sample compresses best; 1 stands for none."""
        self._uses += 1
        if self._uses > _USES or kind != self._kind:
            self._width = self._best_width(sample)
            self._kind, self._uses = kind, 0
        return self._width

    def _best_width(self, sample: memoryview) -> int:
        self._of_planes = self._hardly_looking
        best, least = 1, self._size(sample, 1)
        for width in _WIDTHS:
            size = self._size(sample, width)
            if size < _WORTH * least:
                best, least = width, size
        if best > 1:
            self._of_planes = self._quick
            if self._size(sample, best) > least:
                self._of_planes = self._hardly_looking
        return best

    def _size(self, sample: memoryview, width: int) -> float:
        """Return to how many bytes a sample compresses as numbers of a width."""
        if width == 1:
            return float(min(len(sample), len(self._quick.compress(sample))))
        return self._planes_size(sample, width)

    def _planes_size(self, sample: Bytes, width: int) -> float:
        found = planes.split(sample, width)
        return float(sum(min(len(plane), len(self._of_planes.compress(plane))) for plane in found))

    def _blocks(
        self,
        method: Method,
        width: int,
        parts: list[memoryview],
        trial: zstandard.ZstdCompressor,
        compressor: zstandard.ZstdCompressor,
    ) -> bytes:
        blocks: list[bytes | memoryview] = [_HEAD.pack(method, width)]
        for part in parts:
            packed = _compress(part, trial, compressor)
            if packed is None:
                blocks += (_LENGTH.pack(len(part)), part)
            else:
                blocks += (_LENGTH.pack(len(packed) | _COMPRESSED), packed)
        return b"".join(blocks)


def _compress(
    part: memoryview, trial: zstandard.ZstdCompressor, compressor: zstandard.ZstdCompressor
) -> bytes | None:
    """Return the part compressed, None where that saves too little, as a `trial` may show."""
    if len(part) > 2 * _SAMPLE:
        middle = part[len(part) // 2 :][:_SAMPLE]
        if len(trial.compress(middle)) > _WORTH * len(middle):
            return None
    packed = compressor.compress(part)
    return packed if len(packed) < _WORTH * len(part) else None


class Decoder:
    """Decodes chunks; one thread at a time."""

    def __init__(self) -> None:
        # Made once: a new one costs as much as it takes to decompress a tenth of a plane.
        self._decompressor = zstandard.ZstdDecompressor()

    def decode(self, encoded: Bytes, *below: Bytes) -> Bytes:
        """Return the content of a chunk.

        `below` is, encoded as well, what it is a difference to, what that is a difference to, and
        so on. Differences are summed as numbers: nothing between is written down.

        Raises:
            CorruptArtifactError: it is no encoded chunk.
        """
        try:
            return self._decode([encoded, *below])
        except (struct.error, zstandard.ZstdError, ValueError, IndexError, KeyError) as error:
            raise CorruptArtifactError(f"a chunk cannot be decoded: {error}") from error

    def _decode(self, links: Sequence[Bytes]) -> Bytes:
        methods = [_HEAD.unpack_from(link)[0] for link in links]
        # What is whole needs nothing below it, whatever an index has said. Where all are
        # differences, something is missing, and the last one is no whole chunk.
        whole = [at for at, each in enumerate(methods) if each != Method.DIFFERENCE]
        depth = whole[0] if whole else len(links) - 1
        rest = self._whole(links[depth])
        total = planes.numbers_of(b"", 1)
        for link in reversed(links[:depth]):
            width = _HEAD.unpack_from(link)[1]
            parts = self._unpack(link)
            if total.itemsize != width or not len(total):
                content = _written(total, rest)
                total = planes.ordered(planes.numbers_of(content, width))
            planes.add(total, planes.join(parts[:width]))
            rest = parts[width]
        return _written(total, rest)

    def _whole(self, encoded: Bytes) -> Bytes:
        """Return the content of a chunk that is no difference."""
        method, width = _HEAD.unpack_from(encoded)
        parts = self._unpack(encoded)
        if method == Method.PLAIN:
            [content] = parts
            return content
        if method == Method.PLANES:
            return _joined(planes.join(parts[:width]), parts[width])
        raise CorruptArtifactError(f"a chunk is encoded in the unknown way {method}")

    def _unpack(self, encoded: Bytes) -> list[Bytes]:
        parts: list[Bytes] = []
        view, at = memoryview(encoded), _HEAD.size
        while at < len(view):
            (length,) = _LENGTH.unpack_from(view, at)
            at += _LENGTH.size
            size = length & ~_COMPRESSED
            if at + size > len(view):
                raise CorruptArtifactError("a chunk is cut off")
            part = view[at : at + size]
            parts.append(self._decompressor.decompress(part) if length & _COMPRESSED else part)
            at += size
        return parts


def _written(total: Numbers, rest: Bytes) -> Bytes:
    """Return the content of numbers in the order of floats, and what is behind them."""
    return _joined(planes.ordered(total), rest) if len(total) else rest


def _joined(numbers: Numbers, rest: Bytes) -> Bytes:
    content = numbers.view(np.uint8).data
    return b"".join((content, rest)) if len(rest) else content
