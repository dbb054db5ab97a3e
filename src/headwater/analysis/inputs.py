"""Check what an analysis is given, and say how to put it right."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from headwater.entities.metric import Float64s
from headwater.errors import AnalysisError

Alternative = Literal["two-sided", "greater", "less"]

MOST_PAIRS = 10_000_000
"""Pairs of values up to which all of them are formed for an estimate (80 MB)."""

FEW = 5
"""Fewer values than this in a group call for a warning."""


def sample(name: str, values: ArrayLike, least: int = 2) -> Float64s:
    """Return ``values`` as a finite one-dimensional array of at least ``least`` numbers."""
    array = _numbers(name, values)
    if array.ndim != 1:
        raise AnalysisError(
            f"{name} has {array.ndim} dimensions; give one sequence of numbers, one per run."
        )
    if array.size < least:
        raise AnalysisError(
            f"{name} has {_count(array.size, 'value')}, at least {least} are needed; add runs."
        )
    _all_finite(name, array)
    return array


def pairs(a: ArrayLike, b: ArrayLike, least: int = 2) -> tuple[Float64s, Float64s]:
    """Return two samples whose values belong together by position."""
    first, second = sample("a", a, least), sample("b", b, least)
    if first.size != second.size:
        raise AnalysisError(
            f"a has {_count(first.size, 'value')} and b {second.size}; a paired analysis needs "
            "them in pairs, so leave out runs without a partner, or use an unpaired one."
        )
    return first, second


def table(name: str, values: ArrayLike, least_rows: int = 2, least_columns: int = 2) -> Float64s:
    """Return ``values`` as a finite array of two dimensions."""
    array = _numbers(name, values)
    if array.ndim != 2:
        raise AnalysisError(f"{name} has {array.ndim} dimensions; give rows of equal length.")
    if array.shape[0] < least_rows or array.shape[1] < least_columns:
        raise AnalysisError(
            f"{name} has {array.shape[0]} rows of {array.shape[1]} values; at least "
            f"{least_rows} of {least_columns} are needed."
        )
    _all_finite(name, array)
    return array


def steps_of(steps: ArrayLike, size: int, least: int = 1) -> Float64s:
    """Return growing steps, one for each of ``size`` values."""
    x = sample("steps", steps, least)
    if x.size != size:
        raise AnalysisError(f"steps has {x.size} values for {size} points; give one for each.")
    if np.any(np.diff(x) <= 0):
        raise AnalysisError("steps must grow; sort the points and keep one for each step.")
    return x


def fraction(name: str, value: float) -> float:
    """Return a number that lies strictly between 0 and 1."""
    if not 0 < value < 1:
        raise AnalysisError(f"{name} is {value}; give a number between 0 and 1, such as 0.95.")
    return float(value)


def positive(name: str, value: float) -> float:
    """Return a finite number above 0."""
    if not (0 < value < np.inf):
        raise AnalysisError(f"{name} is {value}; give a number above 0.")
    return float(value)


def whole(name: str, value: int, least: int) -> int:
    """Return a whole number that is at least ``least``."""
    if not np.isfinite(value) or value != int(value) or value < least:
        raise AnalysisError(f"{name} is {value}; give a whole number of at least {least}.")
    return int(value)


def one_of(name: str, value: str, kind: object) -> None:
    """Refuse a word that the ``Literal`` type ``kind`` does not hold."""
    if value not in get_args(kind):
        known = ", ".join(map(repr, get_args(kind)))
        raise AnalysisError(f"{name} is {value!r}; give one of {known}.")


def generator(seed: int) -> np.random.Generator:
    """Return numpy's PCG64, whose stream for a seed is fixed by numpy's compatibility policy."""
    return np.random.Generator(np.random.PCG64(whole("seed", seed, 0)))


def few(**groups: Float64s) -> tuple[str, ...]:
    """Return a warning for every group with very few values."""
    return tuple(
        f"{name} has only {values.size} values; estimates of spread are rough."
        for name, values in groups.items()
        if values.size < FEW
    )


def _numbers(name: str, values: ArrayLike) -> Float64s:
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise AnalysisError(f"{name} is no array of numbers ({error}); give floats.") from error


def _all_finite(name: str, array: Float64s) -> None:
    bad = int(np.count_nonzero(~np.isfinite(array)))
    if bad:
        raise AnalysisError(
            f"{name} has {_count(bad, 'value')} of {array.size} that {'is' if bad == 1 else 'are'} "
            "NaN or infinite; decide what failed runs mean with headwater.analysis.missing first."
        )


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
