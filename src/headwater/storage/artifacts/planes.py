"""Byte planes of numbers: all first bytes, then all second ones, and so on.

The exponent bytes of floating-point numbers resemble each other, and those of the mantissa do not;
apart, the ones compress and the others are left alone. Source: the byte shuffle of Masui et al.,
"A compression scheme for radio data", 2015.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}

Bytes = bytes | memoryview


def split(content: Bytes, width: int) -> list[memoryview]:
    """Return the `width` planes of whole numbers, and what is left over behind them."""
    given = np.frombuffer(content, np.uint8)
    whole = len(given) - len(given) % width
    rows = given[:whole].reshape(-1, width)
    columns = (np.ascontiguousarray(rows[:, plane]) for plane in range(width))
    return [*(column.data for column in columns), given[whole:].data]


def join(parts: list[bytes], width: int) -> bytes:
    """Return what `split` has split."""
    rows = np.empty((len(parts[0]), width), np.uint8)
    for plane in range(width):
        rows[:, plane] = np.frombuffer(parts[plane], np.uint8)
    return rows.tobytes() + parts[width]


def subtract(content: Bytes, base: Bytes, width: int) -> memoryview:
    """Return by how much each number is further on than the base's, in the order of floats.

    Bits of floats are mapped to integers in the order of the values, so that neighbours differ by
    little; differences are stored with the sign in the lowest bit. Both must be of one length, a
    multiple of `width`.
    """
    kind = _UNSIGNED[width]
    changed = _ordered(np.frombuffer(content, kind))
    changed -= _ordered(np.frombuffer(base, kind))
    sign = changed >> kind(8 * width - 1)
    np.negative(sign, out=sign)
    changed <<= kind(1)
    changed ^= sign
    return changed.view(np.uint8).data


def add(difference: bytes, base: Bytes, width: int) -> bytes:
    """Return what `subtract` was given."""
    kind = _UNSIGNED[width]
    folded = np.frombuffer(difference, kind)
    values = folded & kind(1)
    np.negative(values, out=values)
    values ^= folded >> kind(1)
    values += _ordered(np.frombuffer(base, kind))
    return _ordered(values).tobytes()


def _ordered(bits: NDArray[Any]) -> NDArray[Any]:
    """Return integers in the order of the floats of these bits: negative ones are turned round.

    It is its own inverse, as the sign stays.
    """
    kind = bits.dtype.type
    turned: NDArray[Any] = bits >> kind(8 * bits.dtype.itemsize - 1)
    np.negative(turned, out=turned)
    turned >>= kind(1)
    turned ^= bits
    return turned
