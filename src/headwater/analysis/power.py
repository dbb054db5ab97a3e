"""How likely a comparison finds a difference, and how many seeds it needs for that."""

import math
from dataclasses import dataclass

from scipy import optimize, stats

from headwater.analysis import noncentral
from headwater.analysis.inputs import Alternative, fraction, one_of, whole
from headwater.errors import AnalysisError

MOST = 100_000
"""Seeds per group beyond which none are proposed."""


@dataclass(frozen=True)
class SeedsNeeded:
    """The least number of runs that reaches the power that is asked for."""

    method: str
    effect: float
    """Mean difference in standard deviations: of values, or of paired differences."""

    alpha: float
    power_wanted: float
    per_group: int | None
    """Runs of each group, or pairs; None where even ``MOST`` are too few."""

    power: float
    """With ``per_group`` runs."""


def power_two_sample(
    effect: float,
    n_a: int,
    n_b: int,
    *,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
) -> float:
    """Return the power of a t-test of two independent groups of equal variance.

    The statistic is noncentral t, df = n_a + n_b - 2, noncentrality effect · sqrt(n_a n_b / (n_a +
    n_b)). Welch's test has nearly the same power. ``effect`` is (mean a - mean b)/deviation.
    Source: Cohen, Statistical Power Analysis (1988), chapter 2.
    """
    whole("n_a", n_a, 2)
    whole("n_b", n_b, 2)
    return _power(effect * math.sqrt(n_a * n_b / (n_a + n_b)), n_a + n_b - 2, alpha, alternative)


def power_paired(
    effect: float, pairs: int, *, alpha: float = 0.05, alternative: Alternative = "two-sided"
) -> float:
    """Return the power of a paired t-test: df = n - 1, noncentrality effect · sqrt(n).

    ``effect`` is the mean of a - b in standard deviations of a - b.
    """
    whole("pairs", pairs, 2)
    return _power(effect * math.sqrt(pairs), pairs - 1, alpha, alternative)


def seeds_needed(
    effect: float,
    *,
    power: float = 0.8,
    alpha: float = 0.05,
    paired: bool = False,
    alternative: Alternative = "two-sided",
) -> SeedsNeeded:
    """Return the least number of seeds, equal in both groups, that reaches a power.

    Use an effect that matters, not the one just observed: that one is as uncertain as its test.
    """
    fraction("power", power)
    if not math.isfinite(effect):
        raise AnalysisError(f"effect is {effect}; give a finite number of standard deviations.")

    def reached(size: int) -> float:
        if paired:
            return power_paired(effect, size, alpha=alpha, alternative=alternative)
        return power_two_sample(effect, size, size, alpha=alpha, alternative=alternative)

    method = "paired t-test" if paired else "two-sample t-test"
    low, high = 1, 2
    while reached(high) < power:
        low, high = high, high * 2
        if low >= MOST:
            return SeedsNeeded(method, effect, alpha, power, None, reached(MOST))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) >= power else (middle, high)
    if high > MOST:
        return SeedsNeeded(method, effect, alpha, power, None, reached(MOST))
    return SeedsNeeded(method, effect, alpha, power, high, reached(high))


def detectable_effect(
    seeds: int, *, power: float = 0.8, alpha: float = 0.05, paired: bool = False
) -> float:
    """Return the smallest effect, in standard deviations, that so many seeds find with a power."""
    fraction("power", power)
    whole("seeds", seeds, 2)
    if power <= alpha:
        raise AnalysisError(f"power is {power}; give one above alpha, which is {alpha}.")

    def missing(effect: float) -> float:
        if paired:
            return power_paired(effect, seeds, alpha=alpha) - power
        return power_two_sample(effect, seeds, seeds, alpha=alpha) - power

    high = 1.0
    while missing(high) < 0:
        high *= 2
    return float(optimize.brentq(missing, 0.0, high, xtol=1e-9))


def _power(noncentrality: float, df: int, alpha: float, alternative: Alternative) -> float:
    fraction("alpha", alpha)
    one_of("alternative", alternative, Alternative)
    if alternative == "less":
        noncentrality = -noncentrality
    if alternative != "two-sided":
        return _above(float(stats.t.isf(alpha, df)), df, noncentrality)
    critical = float(stats.t.isf(alpha / 2, df))
    return _above(critical, df, noncentrality) + _above(critical, df, -noncentrality)


def _above(critical: float, df: int, noncentrality: float) -> float:
    """Return P(noncentral t > critical), by its mirror image, which loses no digits."""
    return noncentral.cdf(-critical, df, -noncentrality)
