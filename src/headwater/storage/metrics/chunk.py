"""The bytes of a metric chunk: points of one series in order, compressed by column.

Layout, little-endian::

    u32  CRC-32 of everything after it
    u8   version (1)
    u32  points n
    steps, timestamps, values: one column each

    column: u8 kind, u32 length, then so many bytes
      0   i64: every value equals it
      1   i64 first, i64 stride: value i is first + i * stride
      2   n values of 8 bytes
      3   a pcodec standalone file (https://github.com/pcodec/pcodec)
"""

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pcodec import ChunkConfig, standalone  # type: ignore[import-untyped]  # it has no types

from headwater.entities.metric import Series
from headwater.errors import CorruptBlockError

_VERSION = 1
_CHECKSUM = struct.Struct("<I")
_HEAD = struct.Struct("<BI")
_COLUMN = struct.Struct("<BI")
_EQUAL, _ARITHMETIC, _PLAIN, _PCODEC = range(4)
_ONE = struct.Struct("<q")
_TWO = struct.Struct("<qq")
_LARGEST_STRIDE = 1 << 62
_LEVEL = 8
_WORTH_COMPRESSING = 16
"""Fewer values than this are smaller as they are."""


def encode(series: Series) -> bytes:
    """Pack at least one point."""
    content = b"".join(
        (
            _HEAD.pack(_VERSION, len(series)),
            _integers(series.steps),
            _integers(series.timestamps),
            _compressed(series.values),
        )
    )
    return _CHECKSUM.pack(zlib.crc32(content)) + content


def decode(payload: bytes) -> Series:
    """Unpack a chunk.

    Raises:
        CorruptBlockError: the bytes are not what `encode` returned.
    """
    try:
        if _CHECKSUM.unpack_from(payload)[0] != zlib.crc32(memoryview(payload)[4:]):
            raise CorruptBlockError("a metric chunk fails its checksum")
        version, count = _HEAD.unpack_from(payload, _CHECKSUM.size)
        if version != _VERSION:
            raise CorruptBlockError(f"a metric chunk has the unknown version {version}")
        at = _CHECKSUM.size + _HEAD.size
        steps, at = _column(payload, at, count, np.dtype("<i8"))
        timestamps, at = _column(payload, at, count, np.dtype("<i8"))
        values, at = _column(payload, at, count, np.dtype("<f8"))
    except (struct.error, ValueError, RuntimeError, TypeError) as error:
        raise CorruptBlockError(f"a metric chunk cannot be read: {error}") from error
    if at != len(payload):
        raise CorruptBlockError("a metric chunk has bytes to spare")
    return Series(steps, timestamps, values)


def _integers(column: NDArray[np.int64]) -> bytes:
    first, last = int(column[0]), int(column[-1])
    if first == last and bool((column == first).all()):
        return _COLUMN.pack(_EQUAL, _ONE.size) + _ONE.pack(first)
    stride = int(column[1]) - first
    if abs(stride) < _LARGEST_STRIDE and _advances_by(column, stride):
        return _COLUMN.pack(_ARITHMETIC, _TWO.size) + _TWO.pack(first, stride)
    return _compressed(column)


def _advances_by(column: NDArray[np.int64], stride: int) -> bool:
    # Differences that overflow wrap around to a number of the other sign, or to the stride again
    # only where the whole column spans more than 64 bits.
    spread = int(column[-1]) - int(column[0])
    return spread == stride * (len(column) - 1) and bool((np.diff(column) == stride).all())


def _compressed(column: NDArray[Any]) -> bytes:
    plain = np.ascontiguousarray(column)
    if len(plain) >= _WORTH_COMPRESSING:
        packed: bytes = standalone.simple_compress(plain, ChunkConfig(compression_level=_LEVEL))
        if len(packed) < plain.nbytes:
            return _COLUMN.pack(_PCODEC, len(packed)) + packed
    return _COLUMN.pack(_PLAIN, plain.nbytes) + plain.tobytes()


def _column(
    payload: bytes, at: int, count: int, dtype: "np.dtype[Any]"
) -> tuple[NDArray[Any], int]:
    kind, length = _COLUMN.unpack_from(payload, at)
    at += _COLUMN.size
    content = payload[at : at + length]
    if len(content) != length:
        raise CorruptBlockError("a metric chunk is cut off")
    return _values(kind, content, count, dtype), at + length


def _values(kind: int, content: bytes, count: int, dtype: "np.dtype[Any]") -> NDArray[Any]:
    column: NDArray[Any] | None
    if kind == _EQUAL:
        column = np.full(count, _ONE.unpack(content)[0], dtype)
    elif kind == _ARITHMETIC:
        first, stride = _TWO.unpack(content)
        column = first + stride * np.arange(count, dtype=np.int64)
    elif kind == _PLAIN:
        column = np.frombuffer(content, dtype)
    elif kind == _PCODEC:
        column = standalone.simple_decompress(content)
    else:
        raise CorruptBlockError(f"a metric chunk has a column of the unknown kind {kind}")
    if column is None or len(column) != count or column.dtype != dtype:
        raise CorruptBlockError("a metric chunk has a column of another length or type")
    return column
