"""How large a difference is, in units that compare across metrics, with confidence intervals."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special, stats

from headwater.analysis import noncentral
from headwater.analysis.inputs import few, fraction, pairs, sample
from headwater.analysis.result import Interval
from headwater.entities.metric import Float64s
from headwater.errors import AnalysisError


@dataclass(frozen=True)
class EffectSize:
    """An estimate of an effect and what is known of it."""

    method: str
    estimate: float
    interval: Interval
    sizes: tuple[int, ...]
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def hedges_g(a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> EffectSize:
    """Return the mean difference in pooled standard deviations, unbiased for small groups.

    g = J (mean a - mean b) / s_p, J = Γ(m/2) / (sqrt(m/2) Γ((m-1)/2)), m = n_a + n_b - 2. The
    interval inverts the noncentral t distribution, exact for normal values of equal variance.
    Source: Hedges, J. Educ. Stat. 6 (1981), 107-128; Steiger and Fouladi 1997 for the interval.
    """
    first, second = sample("a", a), sample("b", b)
    df = first.size + second.size - 2
    squares = ((first - first.mean()) ** 2).sum() + ((second - second.mean()) ** 2).sum()
    scale = math.sqrt(first.size * second.size / (first.size + second.size))
    ratio = _in_deviations(float(first.mean() - second.mean()), math.sqrt(float(squares) / df))
    return EffectSize(
        "Hedges' g",
        _unbiased(ratio, df),
        _noncentral(ratio, scale, df, level),
        (first.size, second.size),
        ("values are independent and normal", "variances are equal"),
        few(a=first, b=second),
    )


def hedges_g_paired(a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> EffectSize:
    """Return the mean of a - b in standard deviations of a - b, unbiased for few pairs.

    Its scale is the spread of the differences (d_z), not that of a and b: pairing that removes much
    of the variance makes it large. Formula and interval as for ``hedges_g``, with df = n - 1.
    """
    first, second = pairs(a, b, 3)
    differences = first - second
    df = differences.size - 1
    ratio = _in_deviations(float(differences.mean()), float(differences.std(ddof=1)))
    return EffectSize(
        "Hedges' g of paired differences",
        _unbiased(ratio, df),
        _noncentral(ratio, math.sqrt(differences.size), df, level),
        (differences.size,),
        ("pairs are independent", "differences are normal"),
        few(pairs=differences),
    )


def cliffs_delta(a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> EffectSize:
    """Return P(a > b) - P(a < b), from -1 to 1, for values drawn at random; ties count nothing.

    The interval is the asymmetric one of Feng and Cliff, J. Mod. Appl. Stat. Methods 3 (2004),
    322-332, from the consistent variance and Student's t with n_a + n_b - 2 degrees of freedom.
    Where no value of one group reaches into the other, that variance is zero; the near end is then
    (n - z²)/(n + z²), n the smaller size (Cliff 1993).
    """
    first, second = sample("a", a), sample("b", b)
    delta, low, high, warnings = _dominance(first, second, level)
    return EffectSize(
        "Cliff's delta",
        delta,
        Interval(low, high, level, "Feng-Cliff"),
        (first.size, second.size),
        ("values are independent",),
        (*few(a=first, b=second), *warnings),
    )


def probability_of_improvement(a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> EffectSize:
    """Return P(a > b) + P(a = b)/2 for a value of each group drawn at random.

    It is (1 + Cliff's delta)/2 and U/(n_a n_b), its interval that of Cliff's delta, mapped. Where
    less is better, ask for ``probability_of_improvement(b, a)``.
    """
    first, second = sample("a", a), sample("b", b)
    delta, low, high, warnings = _dominance(first, second, level)
    return EffectSize(
        "probability of improvement",
        (1 + delta) / 2,
        Interval((1 + low) / 2, (1 + high) / 2, level, "Feng-Cliff"),
        (first.size, second.size),
        ("values are independent",),
        (*few(a=first, b=second), *warnings),
    )


def _in_deviations(difference: float, deviation: float) -> float:
    if deviation <= 1e-14 * abs(difference) or deviation == 0:
        raise AnalysisError(
            "a and b do not vary, so that a standardised effect has no scale; report the "
            "difference itself, or cliffs_delta."
        )
    return difference / deviation


def _unbiased(ratio: float, df: int) -> float:
    half = df / 2
    return ratio * math.exp(special.gammaln(half) - special.gammaln(half - 0.5)) / math.sqrt(half)


def _noncentral(ratio: float, scale: float, df: int, level: float) -> Interval:
    """Return the interval of a standardised effect whose t statistic is ``ratio * scale``."""
    alpha, t = 1 - fraction("level", level), abs(ratio) * scale
    # P(T <= t) is at least P(T <= 0) = Φ(-noncentrality), and at most the sum of two tails.
    least = float(special.ndtri(alpha / 2)) - 1e-6
    stretch = math.sqrt(float(stats.chi2.isf(alpha / 4, df)) / df)
    most = t * stretch - float(special.ndtri(alpha / 4)) + 1e-6

    def ends_at(chance: float) -> float:
        def miss(noncentrality: float) -> float:
            return noncentral.cdf(t, df, noncentrality) - chance

        return float(optimize.brentq(miss, least, most, xtol=1e-10)) / scale

    low, high = ends_at(1 - alpha / 2), ends_at(alpha / 2)
    if ratio < 0:
        low, high = -high, -low
    return Interval(low, high, level, "noncentral t")


def _dominance(
    first: Float64s, second: Float64s, level: float
) -> tuple[float, float, float, tuple[str, ...]]:
    """Return Cliff's delta with both ends of its interval."""
    alpha = 1 - fraction("level", level)
    n, m = first.size, second.size
    over, under = _wins(first, second), _wins(second, first)
    delta = float(over.mean())
    if abs(delta) == 1:
        z, smaller = float(stats.norm.ppf(1 - alpha / 2)), min(n, m)
        near = max((smaller - z**2) / (smaller + z**2), -1.0)
        ends = (near, 1.0) if delta > 0 else (-1.0, -near)
        return delta, *ends, ("No value of one group reaches into the other: rough interval.",)
    rows, columns = float(((over - delta) ** 2).sum()), float(((under + delta) ** 2).sum())
    # Signs are 1 or -1, but for ties, which are 0.
    tied = _tied_pairs(first, second)
    single = n * m - tied - n * m * delta**2
    variance = (m**2 * rows + n**2 * columns - single) / (n * m * (n - 1) * (m - 1))
    variance = max(variance, (1 - delta**2) / (n * m - 1))
    t = float(stats.t.ppf(1 - alpha / 2, n + m - 2))
    width = t * math.sqrt(variance * ((1 - delta**2) ** 2 + t**2 * variance))
    middle, bottom = delta - delta**3, 1 - delta**2 + t**2 * variance
    return delta, max(-1.0, (middle - width) / bottom), min(1.0, (middle + width) / bottom), ()


def _wins(values: Float64s, others: Float64s) -> Float64s:
    """Return for each value the share of others below it less that above it."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, values, side="left")
    above = others.size - np.searchsorted(ordered, values, side="right")
    return np.asarray((below - above) / others.size)


def _tied_pairs(first: Float64s, second: Float64s) -> int:
    ordered = np.sort(second)
    ends = [np.searchsorted(ordered, first, side=side) for side in ("left", "right")]
    return int((ends[1] - ends[0]).sum())
