"""Byte planes of numbers: all first bytes, then all second ones, and so on.

The exponent bytes of floating-point numbers resemble each other, and those of the mantissa do not;
apart, the ones compress and the others are left alone. Source: the byte shuffle of Masui et al.,
"A compression scheme for radio data", 2015.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}

Bytes = bytes | memoryview
Numbers = NDArray[Any]


def split(content: Bytes, width: int) -> list[memoryview]:
    """Return the `width` planes of whole numbers, and what is left over behind them."""
    whole = len(content) - len(content) % width
    planes = _planes(numbers_of(content, width))
    return [*(plane.data for plane in planes), memoryview(content)[whole:]]


def join(planes: Sequence[Bytes]) -> Numbers:
    """Return the numbers that `split` has split. Raises ValueError: planes differ in length."""
    kind = _UNSIGNED[len(planes)]
    bytes_of = [np.frombuffer(plane, np.uint8) for plane in planes]
    # Small differences leave the upper planes empty: they cost nothing.
    while len(bytes_of) > 1 and not bytes_of[-1].any():
        if len(bytes_of[-1]) != len(bytes_of[0]):
            raise ValueError("planes differ in length")
        bytes_of.pop()
    numbers: Numbers = bytes_of.pop().astype(kind)
    while bytes_of:
        numbers <<= kind(8)
        numbers |= bytes_of.pop()
    return numbers


def subtract(content: Bytes, base: Bytes, width: int) -> memoryview:
    """Return by how much each number is further on than the base's, in the order of floats.

    Bits of floats are mapped to integers in the order of the values, so that neighbours differ by
    little; differences are stored with the sign in the lowest bit. Both must be of one length, a
    multiple of `width`.
    """
    kind = _UNSIGNED[width]
    changed = ordered(np.frombuffer(content, kind))
    changed -= ordered(np.frombuffer(base, kind))
    sign = changed >> kind(8 * width - 1)
    np.negative(sign, out=sign)
    changed <<= kind(1)
    changed ^= sign
    return changed.view(np.uint8).data


def add(total: Numbers, difference: Numbers) -> None:
    """Go on by what `subtract` has found, from numbers in the order of floats, in place.

    The difference is used up. Raises ValueError: there are not as many.
    """
    kind = total.dtype.type
    sign = difference & kind(1)
    np.negative(sign, out=sign)
    difference >>= kind(1)
    difference ^= sign
    total += difference


def ordered(bits: Numbers) -> Numbers:
    """Return integers in the order of the floats of these bits: negative ones are turned round.

    It is its own inverse, as the sign stays.
    """
    kind = bits.dtype.type
    turned: Numbers = bits >> kind(8 * bits.dtype.itemsize - 1)
    np.negative(turned, out=turned)
    turned >>= kind(1)
    turned ^= bits
    return turned


def numbers_of(content: Bytes, width: int) -> Numbers:
    """Return whole numbers of a width, without what is left over behind them."""
    return np.frombuffer(content, _UNSIGNED[width], len(content) // width)


def _planes(numbers: Numbers) -> list[NDArray[np.uint8]]:
    """Return the bytes of numbers by their place, the lowest first."""
    width = numbers.dtype.itemsize
    if width == 1:
        return [numbers]
    half = _UNSIGNED[width // 2]
    # Halving numbers is several times as fast as gathering every n-th byte.
    upper = (numbers >> numbers.dtype.type(4 * width)).astype(half)
    return _planes(numbers.astype(half)) + _planes(upper)
