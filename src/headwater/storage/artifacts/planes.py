"""Byte planes of numbers: all first bytes, then all second ones, and so on.

The exponent bytes of floating-point numbers resemble each other, and those of the mantissa do not;
apart, the ones compress and the others are left alone. Source: the byte shuffle of Masui et al.,
"A compression scheme for radio data", 2015.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def split(content: bytes | memoryview, width: int) -> list[bytes]:
    """Return the `width` planes of whole numbers, and what is left over behind them."""
    whole = len(content) - len(content) % width
    rows = np.frombuffer(content, np.uint8, whole).reshape(-1, width)
    planes = [np.ascontiguousarray(rows[:, plane]).tobytes() for plane in range(width)]
    return [*planes, bytes(content[whole:])]


def join(parts: list[bytes], width: int) -> bytes:
    """Return what `split` has split."""
    rows = np.empty((len(parts[0]), width), np.uint8)
    for plane in range(width):
        rows[:, plane] = np.frombuffer(parts[plane], np.uint8)
    return rows.tobytes() + parts[width]


def subtract(content: bytes | memoryview, base: bytes | memoryview, width: int) -> bytes:
    """Return by how much each number is further on than the base's, in the order of floats.

    Bits of floats are mapped to integers in the order of the values, so that neighbours differ by
    little; differences are stored with the sign in the lowest bit. Both must be of one length, a
    multiple of `width`.
    """
    kind = _UNSIGNED[width]
    difference = _ordered(np.frombuffer(content, kind)) - _ordered(np.frombuffer(base, kind))
    top = kind(8 * width - 1)
    sign = (difference >> top).astype(kind)
    folded: NDArray[Any] = (difference << kind(1)) ^ (kind(0) - sign)
    return folded.tobytes()


def add(difference: bytes, base: bytes | memoryview, width: int) -> bytes:
    """Return what `subtract` was given."""
    kind = _UNSIGNED[width]
    folded = np.frombuffer(difference, kind)
    unfolded = (folded >> kind(1)) ^ (kind(0) - (folded & kind(1)))
    return _unordered(_ordered(np.frombuffer(base, kind)) + unfolded).tobytes()


def _ordered(bits: NDArray[Any]) -> NDArray[Any]:
    """Return integers in the order of the floats of these bits: negative ones are turned round."""
    kind = bits.dtype.type
    top = kind(8 * bits.dtype.itemsize - 1)
    is_negative = kind(0) - (bits >> top)
    ordered: NDArray[Any] = bits ^ (is_negative >> kind(1))
    return ordered


def _unordered(values: NDArray[Any]) -> NDArray[Any]:
    return _ordered(values)  # its own inverse: the sign stays
