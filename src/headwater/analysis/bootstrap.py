"""Bootstrap intervals: bias-corrected and accelerated, or percentiles; paired and stratified."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from headwater.analysis.inputs import (
    fraction,
    generator,
    one_of,
    pairs,
    sample,
    whole,
)
from headwater.analysis.result import Interval
from headwater.entities.metric import Float64s
from headwater.errors import AnalysisError

Method = Literal["bca", "percentile"]

Statistic = Callable[..., Any]
"""Called as ``numpy.mean`` is: ``statistic(*samples, axis=-1)``, with arrays of two dimensions."""

_BATCH = 1 << 20
_FEW = 10


@dataclass(frozen=True)
class Bootstrap:
    """A statistic and what resampling says of it."""

    method: str
    estimate: float
    bias: float
    """Mean of the resampled statistics less the estimate; the estimate is not corrected by it."""

    standard_error: float
    interval: Interval
    resamples: int
    seed: int
    sizes: tuple[int, ...]
    warnings: tuple[str, ...] = ()


def bootstrap(
    statistic: Statistic,
    *samples: ArrayLike,
    seed: int,
    paired: bool = False,
    strata: ArrayLike | None = None,
    method: Method = "bca",
    level: float = 0.95,
    resamples: int = 9999,
) -> Bootstrap:
    """Return the statistic of one or several samples with a bootstrap interval.

    Samples are resampled independently, or by the same positions where ``paired``; one sample, or
    paired ones, within the ``strata`` that are given by a label for each position. BCa takes the
    quantiles Φ(z0 + (z0 + z_α)/(1 - a (z0 + z_α))) of the resampled statistics, where z0 is their
    median bias and a the jackknife's skewness. Both methods are too narrow below some 10 values.
    Sources: Efron, JASA 82 (1987), 171-185; Davison and Hinkley, Bootstrap Methods (1997).
    """
    one_of("method", method, Method)
    fraction("level", level)
    whole("resamples", resamples, 99)
    arrays = _samples(samples, paired)
    units = _units(arrays, paired, strata)
    estimate = _one(statistic, arrays)
    found = _resampled(statistic, arrays, units, generator(seed), resamples)
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    warnings: tuple[str, ...] = ()
    if method == "bca":
        tails, warnings = _bca(statistic, arrays, units, found, estimate, tails)
    low, high = np.quantile(found, tails)
    smallest = min(array.size for array in arrays)
    if smallest < _FEW:
        warnings += (f"Only {smallest} values: bootstrap intervals of so few are too narrow.",)
    return Bootstrap(
        method="BCa bootstrap" if method == "bca" else "percentile bootstrap",
        estimate=estimate,
        bias=float(found.mean()) - estimate,
        standard_error=float(found.std(ddof=1)),
        interval=Interval(float(low), float(high), level, method),
        resamples=resamples,
        seed=seed,
        sizes=tuple(array.size for array in arrays),
        warnings=warnings,
    )


def mean_difference(
    a: ArrayLike,
    b: ArrayLike,
    *,
    seed: int,
    paired: bool = False,
    level: float = 0.95,
    resamples: int = 9999,
) -> Bootstrap:
    """Return mean of a - mean of b with a BCa interval."""
    return bootstrap(
        _mean_difference, a, b, seed=seed, paired=paired, level=level, resamples=resamples
    )


@dataclass(frozen=True, eq=False)
class _Unit:
    """Samples that are resampled by one index, and the positions of each stratum."""

    members: tuple[int, ...]
    strata: tuple[NDArray[np.intp], ...]
    size: int


def _mean_difference(a: Float64s, b: Float64s, axis: int) -> Float64s:
    return np.asarray(a.mean(axis=axis) - b.mean(axis=axis))


def _samples(samples: tuple[ArrayLike, ...], paired: bool) -> list[Float64s]:
    if not samples:
        raise AnalysisError("samples is empty; give one array or more after the statistic.")
    if paired and len(samples) == 2:
        return list(pairs(*samples))
    arrays = [sample(f"samples[{i}]", values) for i, values in enumerate(samples)]
    if paired and len({array.size for array in arrays}) > 1:
        raise AnalysisError("samples differ in size; paired ones need a value for each position.")
    return arrays


def _units(arrays: list[Float64s], paired: bool, strata: ArrayLike | None) -> list[_Unit]:
    if strata is None:
        groups = [tuple(range(len(arrays)))] if paired else [(i,) for i in range(len(arrays))]
        sizes = [arrays[members[0]].size for members in groups]
        return [
            _Unit(members, (np.arange(size),), size)
            for members, size in zip(groups, sizes, strict=True)
        ]
    if len(arrays) > 1 and not paired:
        raise AnalysisError("strata needs one sample or paired ones; set paired=True.")
    labels = np.asarray(strata)
    if labels.shape != arrays[0].shape:
        raise AnalysisError(f"strata must hold {arrays[0].size} labels, one for each position.")
    positions = tuple(np.flatnonzero(labels == label) for label in np.unique(labels))
    if min(map(len, positions)) < 2:
        raise AnalysisError(
            "strata has a stratum of one value, which cannot be resampled; join it."
        )
    return [_Unit(tuple(range(len(arrays))), positions, labels.size)]


def _one(statistic: Statistic, arrays: list[Float64s]) -> float:
    found = np.asarray(statistic(*(array[None] for array in arrays), axis=-1), np.float64)
    if found.shape != (1,) or not np.isfinite(found[0]):
        raise AnalysisError(
            f"statistic returned {found!r} for arrays of shape (1, n); it must reduce the last "
            "axis to finite numbers, as numpy.mean does with axis=-1."
        )
    return float(found[0])


def _resampled(
    statistic: Statistic,
    arrays: list[Float64s],
    units: list[_Unit],
    rng: np.random.Generator,
    resamples: int,
) -> Float64s:
    found = np.empty(resamples)
    step = max(1, _BATCH // sum(unit.size for unit in units))
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        drawn: dict[int, Float64s] = {}
        for unit in units:
            index = np.empty((count, unit.size), np.intp)
            for positions in unit.strata:
                picks = rng.integers(0, positions.size, (count, positions.size))
                index[:, positions] = positions[picks]
            drawn |= {member: arrays[member][index] for member in unit.members}
        found[start : start + count] = statistic(*(drawn[i] for i in range(len(arrays))), axis=-1)
    if not np.isfinite(found).all():
        raise AnalysisError("statistic returned NaN or infinity for a resample; use a robust one.")
    return found


def _bca(
    statistic: Statistic,
    arrays: list[Float64s],
    units: list[_Unit],
    found: Float64s,
    estimate: float,
    tails: Float64s,
) -> tuple[Float64s, tuple[str, ...]]:
    """Return the corrected tail probabilities."""
    below = float((found < estimate).mean() + (found == estimate).mean() / 2)
    if not 0 < below < 1:
        return tails, ("All resamples lie to one side of the estimate: percentiles are used.",)
    bias, acceleration = float(special.ndtri(below)), _acceleration(statistic, arrays, units)
    shifted = bias + special.ndtri(tails)
    return np.asarray(special.ndtr(bias + shifted / (1 - acceleration * shifted))), ()


def _acceleration(statistic: Statistic, arrays: list[Float64s], units: list[_Unit]) -> float:
    cubes = squares = 0.0
    for unit in units:
        left_out = np.empty(unit.size)
        step = max(1, _BATCH // unit.size)
        for start in range(0, unit.size, step):
            rows = np.arange(start, min(start + step, unit.size))
            index = np.arange(unit.size - 1) + (np.arange(unit.size - 1) >= rows[:, None])
            given = [
                array[index] if i in unit.members else np.tile(array, (rows.size, 1))
                for i, array in enumerate(arrays)
            ]
            left_out[rows] = statistic(*given, axis=-1)
        for positions in unit.strata:
            values, n = left_out[positions], positions.size
            influence = (n - 1) * (values.mean() - values)
            cubes += float((influence**3).sum()) / n**3
            squares += float((influence**2).sum()) / n**2
    return cubes / (6 * squares**1.5) if squares > 0 and math.isfinite(squares) else 0.0
