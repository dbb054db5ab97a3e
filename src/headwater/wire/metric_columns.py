"""Columns of numbers as bytes, cheap to pack and to unpack: what blocks and envelopes are made of.

Little-endian::

    integer column: u8 width, i64 base, then by width
      0          all values equal base
      16         i64 stride: value i is base + i * stride
      1, 2, 4, 8 n unsigned offsets from base

    float column: u8 width (4 or 8), then n floats of that width
"""

import struct
from typing import Any

import numpy as np

from headwater.entities.metric import Float64s, Int64s

_COLUMN = struct.Struct("<Bq")
_STRIDE = struct.Struct("<q")
_NARROW = struct.Struct("<f")
_ARITHMETIC = 16
_ARITHMETIC_SPREAD = 1 << 62  # differences of values further apart overflow
_OFFSETS: dict[int, np.dtype[Any]] = {
    1: np.dtype("<u1"),
    2: np.dtype("<u2"),
    4: np.dtype("<u4"),
    8: np.dtype("<u8"),
}
_FLOATS: dict[int, np.dtype[Any]] = {4: np.dtype("<f4"), 8: np.dtype("<f8")}


def encode_constant(value: int) -> bytes:
    """Pack a column of one integer, or of equal ones."""
    return _COLUMN.pack(0, value)


def encode_integers(column: Int64s) -> bytes:
    """Pack one integer or more."""
    # The ufuncs' own methods: the arrays' take twice as long where there are few values.
    base, top = int(np.minimum.reduce(column)), int(np.maximum.reduce(column))
    if base == top:
        return _COLUMN.pack(0, base)
    spread = top - base
    first, stride = int(column[0]), int(column[1]) - int(column[0])
    if (
        spread < _ARITHMETIC_SPREAD
        and int(column[-1]) - first == stride * (len(column) - 1)  # rules out most at once
        and bool((column[1:] - column[:-1] == stride).all())
    ):
        return _COLUMN.pack(_ARITHMETIC, first) + _STRIDE.pack(stride)
    width = next(width for width in _OFFSETS if spread < 1 << (8 * width))
    # Wraps around modulo 2**64, so that the full range of int64 fits.
    offsets = column.view(np.uint64) - np.uint64(base & 0xFFFF_FFFF_FFFF_FFFF)
    return b"".join((_COLUMN.pack(width, base), offsets.astype(_OFFSETS[width]).tobytes()))


def encode_floats(values: Float64s) -> bytes:
    """Pack floats, in 4 bytes each where nothing is lost by it."""
    if len(values) == 0 or _is_narrow(float(values[0])):  # the first one rules out most
        with np.errstate(over="ignore"):
            narrow = values.astype(_FLOATS[4])
        if np.array_equal(narrow.astype(np.float64), values, equal_nan=True):
            return b"".join((b"\x04", narrow.tobytes()))
    return b"".join((b"\x08", values.astype(_FLOATS[8], copy=False).tobytes()))


def _is_narrow(value: float) -> bool:
    """Say whether nothing of a number is lost in 4 bytes."""
    try:
        (narrow,) = _NARROW.unpack(_NARROW.pack(value))
    except OverflowError:
        return False
    return narrow == value or value != value  # NaN


def decode_integers(payload: bytes, at: int, count: int) -> tuple[Int64s, int]:
    """Return a column that begins at a position, and the position after it.

    Raises:
        struct.error, KeyError, ValueError: this is not what `encode_integers` returned.
    """
    width, base = _COLUMN.unpack_from(payload, at)
    at += _COLUMN.size
    if width == 0:
        return np.full(count, base, np.int64), at
    if width == _ARITHMETIC:
        (stride,) = _STRIDE.unpack_from(payload, at)
        return base + stride * np.arange(count, dtype=np.int64), at + _STRIDE.size
    offsets = np.frombuffer(payload, _OFFSETS[width], count, at).astype(np.uint64)
    column = (offsets + np.uint64(base & 0xFFFF_FFFF_FFFF_FFFF)).view(np.int64)
    return column, at + count * width


def decode_floats(payload: bytes, at: int, count: int) -> tuple[Float64s, int]:
    """Return a column that begins at a position, and the position after it.

    Raises:
        IndexError, KeyError, ValueError: this is not what `encode_floats` returned.
    """
    dtype = _FLOATS[payload[at]]
    values = np.frombuffer(payload, dtype, count, at + 1).astype(np.float64)
    return values, at + 1 + count * dtype.itemsize
