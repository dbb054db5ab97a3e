"""The bytes of a metric block: the points that one request logged, packed by column.

Layout, little-endian::

    u32  CRC-32 of everything after it
    u8   version (1)
    u32  points n
    u16  keys k, then for each key: u16 length, UTF-8 bytes
    key index   only where k > 1: unsigned integers, u8 where k <= 256, else u16
    steps       integer column
    timestamps  integer column
    values      float column

Columns are those of `headwater.wire.metric_columns`.
"""

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.entities.metric import Points
from headwater.errors import CorruptBlockError
from headwater.wire.metric_columns import (
    decode_floats,
    decode_integers,
    encode_constant,
    encode_floats,
    encode_integers,
)

_VERSION = 1
_CHECKSUM = struct.Struct("<I")
_HEAD = struct.Struct("<BIH")
_LENGTH = struct.Struct("<H")
_POINT_VALUE = struct.Struct("<Bd")
LARGEST_KEYS = 65_535


def encode(points: Points) -> bytes:
    """Pack points, at most ``LARGEST_KEYS`` distinct keys of at most 65,535 bytes."""
    parts = [_HEAD.pack(_VERSION, len(points), len(points.keys)), _encode_keys(points.keys)]
    if len(points.keys) > 1:
        parts.append(points.key_index.astype(_key_index_dtype(len(points.keys))).tobytes())
    parts.append(encode_integers(points.steps))
    parts.append(encode_integers(points.timestamps))
    parts.append(encode_floats(points.values))
    return _sealed(b"".join(parts))


def encode_point(key: str, step: int, timestamp: int, value: float) -> bytes:
    """Pack a single point, without the cost of building arrays."""
    return _sealed(
        b"".join(
            (
                _HEAD.pack(_VERSION, 1, 1),
                _encode_keys((key,)),
                encode_constant(step),
                encode_constant(timestamp),
                _POINT_VALUE.pack(8, value),
            )
        )
    )


def decode(payload: bytes) -> Points:
    """Unpack a block.

    Raises:
        CorruptBlockError: the bytes are not what `encode` returned.
    """
    try:
        if _CHECKSUM.unpack_from(payload)[0] != zlib.crc32(memoryview(payload)[4:]):
            raise CorruptBlockError("a metric block fails its checksum")
        return _decode(payload)
    except (struct.error, IndexError, KeyError, ValueError) as error:
        raise CorruptBlockError(f"a metric block cannot be read: {error}") from error


def count(payload: bytes) -> int:
    """Return how many points a block claims to have, before it is decoded.

    Raises:
        CorruptBlockError: it is too short to tell.
    """
    try:
        points: int = _HEAD.unpack_from(payload, _CHECKSUM.size)[1]
    except struct.error as error:
        raise CorruptBlockError("a metric block is cut off") from error
    return points


def holds_key(payload: bytes, key: str) -> bool:
    """Say whether a block may hold points of a key, at a fraction of the cost of decoding."""
    return _encode_keys((key,)) in payload


def _sealed(content: bytes) -> bytes:
    return _CHECKSUM.pack(zlib.crc32(content)) + content


def _encode_keys(keys: Sequence[str]) -> bytes:
    encoded = [key.encode() for key in keys]
    return b"".join(_LENGTH.pack(len(key)) + key for key in encoded)


def _key_index_dtype(keys: int) -> np.dtype[Any]:
    return np.dtype("<u1" if keys <= 256 else "<u2")


def _decode(payload: bytes) -> Points:
    version, count, key_count = _HEAD.unpack_from(payload, 4)
    if version != _VERSION:
        raise CorruptBlockError(f"a metric block has the unknown version {version}")
    if count and not key_count:
        raise CorruptBlockError("a metric block has points without a key")
    keys, at = _decode_keys(payload, 4 + _HEAD.size, key_count)
    key_index: NDArray[np.intp]
    if key_count > 1:
        dtype = _key_index_dtype(key_count)
        key_index = np.frombuffer(payload, dtype, count, at).astype(np.intp)
        at += count * dtype.itemsize
        if count and key_index.max() >= key_count:
            raise CorruptBlockError("a metric block has a point of a key that it does not name")
    else:
        key_index = np.zeros(count, np.intp)
    steps, at = decode_integers(payload, at, count)
    timestamps, at = decode_integers(payload, at, count)
    values, at = decode_floats(payload, at, count)
    if at != len(payload):
        raise CorruptBlockError("a metric block has bytes to spare")
    return Points(keys, key_index, steps, timestamps, values)


def _decode_keys(payload: bytes, at: int, count: int) -> tuple[tuple[str, ...], int]:
    keys = []
    for _ in range(count):
        (length,) = _LENGTH.unpack_from(payload, at)
        at += _LENGTH.size
        keys.append(payload[at : at + length].decode())
        at += length
    return tuple(keys), at
