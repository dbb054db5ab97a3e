"""Mean learning curves with bands that hold at all steps at once."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from headwater.analysis.inputs import fraction, generator, steps_of, table, whole
from headwater.entities.metric import Float64s
from headwater.errors import AnalysisError

_LEAST = 5
"""Runs of a group below which their correlation over steps cannot be told from chance."""

_MANY = 30
"""Runs of a group above which standard errors vary so little that one draw serves all steps."""

_BATCH = 1 << 21


@dataclass(frozen=True, eq=False)
class Band:
    """A mean curve, or a difference of two, with a band that holds the truth at all steps."""

    steps: Float64s
    mean: Float64s
    low: Float64s
    high: Float64s
    level: float
    critical: float
    """Half of the band's width in standard errors."""

    method: str
    sizes: tuple[int, ...]
    seed: int
    warnings: tuple[str, ...]

    def outside(self, value: float = 0.0) -> Float64s:
        """Return the steps at which the band excludes a value."""
        return self.steps[(self.low > value) | (self.high < value)]


@dataclass(frozen=True, eq=False)
class _Group:
    """Curves of one group: what is needed to draw curves that vary and correlate alike."""

    mean: Float64s
    variance: Float64s
    """Of a curve, at each step."""

    away: Float64s
    """Deviations whose squares sum to the variance."""

    size: int


def mean_band(
    steps: ArrayLike, curves: ArrayLike, *, seed: int, level: float = 0.95, resamples: int = 2000
) -> Band:
    """Return the mean of several runs' curves (rows) with a simultaneous band.

    The band is mean ± c · standard error at each step, c the ``level`` quantile of the largest |t|
    over all steps. It is found by a Gaussian bootstrap: ``resamples`` sets of curves with the
    covariance that was found, each with means and standard errors of its own. c is never more than
    Bonferroni's, and is Bonferroni's below five runs, from which a correlation cannot be known.
    Sources: Degras, Statistica Sinica 21 (2011), 1735-1765; Montiel Olea and Plagborg-Møller,
    J. Appl. Econometrics 34 (2019), 1-17.
    """
    values = table("curves", curves, 2, 1)
    x = steps_of(steps, values.shape[1])
    group = _group(values)
    df = np.full(x.size, group.size - 1.0)
    return _band(x, [group], group.mean, df, level, resamples, seed)


def difference_band(
    steps: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    *,
    seed: int,
    paired: bool = False,
    level: float = 0.95,
    resamples: int = 2000,
) -> Band:
    """Return mean of a - mean of b at every step, with a simultaneous band as of ``mean_band``.

    Rows are runs; ``paired`` ones belong together by position. Where the band excludes zero, the
    groups differ there, with all steps allowed for that were looked at. Unpaired, standard errors
    and degrees of freedom are Welch's.
    """
    first, second = table("a", a, 2, 1), table("b", b, 2, 1)
    if first.shape[1] != second.shape[1]:
        raise AnalysisError(
            f"a has {first.shape[1]} steps and b {second.shape[1]}; bring them to the same steps."
        )
    if paired:
        if first.shape != second.shape:
            raise AnalysisError(f"a has {first.shape[0]} runs and b {second.shape[0]}; pair them.")
        return mean_band(steps, first - second, seed=seed, level=level, resamples=resamples)
    x = steps_of(steps, first.shape[1])
    groups = [_group(first), _group(second)]
    shares = [group.variance / group.size for group in groups]
    total = np.maximum(shares[0] + shares[1], np.finfo(np.float64).tiny)
    unsure = sum(
        (share / total) ** 2 / (group.size - 1) for share, group in zip(shares, groups, strict=True)
    )
    df = np.asarray(1 / np.maximum(unsure, 1e-9))
    return _band(x, groups, groups[0].mean - groups[1].mean, df, level, resamples, seed)


def _group(values: Float64s) -> _Group:
    size, mean = values.shape[0], values.mean(axis=0)
    away = (values - mean) / math.sqrt(size - 1)
    # Rounding of a constant is no variation.
    away[:, np.ptp(values, axis=0) <= 1e-13 * np.abs(values).max(axis=0)] = 0
    return _Group(mean, (away**2).sum(axis=0), away, size)


def _band(
    steps: Float64s,
    groups: list[_Group],
    mean: Float64s,
    df: Float64s,
    level: float,
    resamples: int,
    seed: int,
) -> Band:
    alpha = 1 - fraction("level", level)
    whole("resamples", resamples, 99)
    rng = generator(seed)
    sizes = tuple(group.size for group in groups)
    errors = np.sqrt(sum(group.variance / group.size for group in groups))
    varies = errors > 0
    critical, method, warnings = 0.0, "Bonferroni", list[str]()
    if varies.any():
        critical = float(stats.t.isf(alpha / 2 / steps.size, df[varies].min()))
        if min(sizes) >= _LEAST:
            method = "Gaussian bootstrap"
            largest = _largest_t(groups, varies, resamples, rng)
            critical = min(critical, float(np.quantile(largest, level)))
        else:
            warnings.append(f"Only {min(sizes)} runs in a group: the band is wide and rough.")
    if not varies.all():
        warnings.append("Runs do not vary at some steps; the band has no width there.")
    width = critical * np.asarray(errors)
    return Band(
        steps, mean, mean - width, mean + width, level, critical, method, sizes, seed, (*warnings,)
    )


def _largest_t(
    groups: list[_Group], varies: np.ndarray, resamples: int, rng: np.random.Generator
) -> Float64s:
    """Return the largest |t| over steps of each resample in which the null hypothesis holds."""
    found = np.empty(resamples)
    shapes = [group.away[:, varies] for group in groups]
    batch = max(1, _BATCH // max(min(rows.shape[0], _MANY) * rows.shape[1] for rows in shapes))
    for start in range(0, resamples, batch):
        count = min(batch, resamples - start)
        drawn = [_drawn(rows, count, rng) for rows in shapes]
        # One group's mean less the other's, if there is another.
        away = drawn[0][0] - sum(means for means, _ in drawn[1:])
        variance = sum(
            variances / rows.shape[0] for (_, variances), rows in zip(drawn, shapes, strict=True)
        )
        found[start : start + count] = np.abs(away / np.sqrt(variance)).max(axis=1)
    return found


def _drawn(rows: Float64s, count: int, rng: np.random.Generator) -> tuple[Float64s, Float64s]:
    """Return means and variances of ``count`` groups of normal curves, resamples x steps."""
    size = rows.shape[0]
    if size > _MANY:
        means = rng.standard_normal((count, size)) @ rows / math.sqrt(size)
        factor = rng.chisquare(size - 1, (count, 1)) / (size - 1)
        return means, factor * (rows**2).sum(axis=0)
    curves = rng.standard_normal((count, size, size)) @ rows
    return curves.mean(axis=1), curves.var(axis=1, ddof=1)
