"""What can be checked of a test's assumptions, as records; no check ever proves one.

A check with few values misses most violations, and with many finds violations that do no harm:
``holds`` is None where nothing can be said. Choosing a test by checks of the same data shifts error
rates a little, so that a choice made beforehand is better; see choosing-a-test.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from headwater.analysis.inputs import fraction, sample
from headwater.entities.metric import Float64s
from headwater.errors import AnalysisError

_LEAST_FOR_SHAPIRO = 8
_MOST_FOR_SHAPIRO = 5000
_NEAR_NORMAL_MEAN = 40
_FENCE = 3.0
_TIES_THAT_MATTER = 0.1


@dataclass(frozen=True)
class Check:
    """One assumption, how it was looked at, and what came out."""

    assumption: str
    method: str
    holds: bool | None
    """Whether nothing speaks against it; None where these data cannot tell."""

    finding: str
    """In words, with the numbers."""

    statistic: float | None = None
    p_value: float | None = None


def normality(name: str, values: ArrayLike, *, alpha: float = 0.05) -> Check:
    """Check by Shapiro and Wilk's W, from 8 to 5,000 values.

    From 40 values on a rejection is told, but means are nearly normal anyway unless outliers rule.
    Source: Shapiro and Wilk, Biometrika 52 (1965), 591-611.
    """
    array = sample(name, values, 1)
    fraction("alpha", alpha)
    assumption, method = f"{name} is normal", "Shapiro-Wilk test"
    if array.size < _LEAST_FOR_SHAPIRO:
        return Check(assumption, method, None, f"{array.size} values are too few to tell.")
    if array.size > _MOST_FOR_SHAPIRO:
        finding = f"{array.size} values are too many for the test; means are nearly normal."
        return Check(assumption, method, None, finding)
    if np.ptp(array) == 0:
        return Check(assumption, method, False, "All values are the same.")
    found = stats.shapiro(array)
    p_value = float(found.pvalue)
    finding = f"W = {found.statistic:.3f}, p = {p_value:.3g} with {array.size} values."
    if p_value <= alpha and array.size >= _NEAR_NORMAL_MEAN:
        finding += " With so many, means are nearly normal all the same."
    return Check(assumption, method, p_value > alpha, finding, float(found.statistic), p_value)


def equal_variances(groups: Sequence[ArrayLike], *, alpha: float = 0.05) -> Check:
    """Check by Brown and Forsythe's test: analysis of variance of distances from the medians.

    Source: Brown and Forsythe, JASA 69 (1974), 364-367.
    """
    samples = _samples(groups)
    fraction("alpha", alpha)
    assumption, method = "variances are equal", "Brown-Forsythe test"
    smallest = min(values.size for values in samples)
    if smallest < _LEAST_FOR_SHAPIRO:
        spreads = ", ".join(f"{values.std(ddof=1):.3g}" for values in samples if values.size > 1)
        finding = f"A group has {smallest} values, too few to tell (deviations: {spreads})."
        return Check(assumption, method, None, finding)
    away = [np.abs(values - np.median(values)) for values in samples]
    if all(np.ptp(distances) == 0 for distances in away):
        same = len({float(distances[0]) for distances in away}) == 1
        return Check(assumption, method, same, "Distances from the medians do not vary.")
    found = stats.levene(*samples, center="median")
    p_value = float(found.pvalue)
    finding = f"F = {found.statistic:.3f}, p = {p_value:.3g}."
    return Check(assumption, method, p_value > alpha, finding, float(found.statistic), p_value)


def no_outliers(name: str, values: ArrayLike) -> Check:
    """Look for values beyond three interquartile ranges from the quartiles (Tukey's far out).

    Source: Tukey, Exploratory Data Analysis (1977). With fewer than 5 values nothing is said.
    """
    array = sample(name, values, 1)
    assumption, method = f"{name} has no outliers", "Tukey's outer fences"
    if array.size < 5:
        return Check(assumption, method, None, f"{array.size} values are too few to tell.")
    low, high = np.quantile(array, [0.25, 0.75])
    reach = _FENCE * (high - low)
    far = np.flatnonzero((array < low - reach) | (array > high + reach))
    if not far.size:
        return Check(assumption, method, True, f"None of {array.size} values is far out.")
    places = ", ".join(map(str, far[:5]))
    return Check(
        assumption, method, False, f"{far.size} of {array.size} values are far out (at {places})."
    )


def no_ties(groups: Sequence[ArrayLike]) -> Check:
    """Count values that others equal, over all groups."""
    pooled = np.concatenate(_samples(groups))
    _, counts = np.unique(pooled, return_counts=True)
    tied = int(counts[counts > 1].sum())
    share = tied / pooled.size
    finding = f"{tied} of {pooled.size} values equal another one."
    if share > _TIES_THAT_MATTER:
        finding += " Ranks allow for it; a discrete metric may hide small differences."
    return Check("values are distinct", "count of ties", tied == 0, finding, share)


def check_two_groups(a: ArrayLike, b: ArrayLike, *, alpha: float = 0.05) -> tuple[Check, ...]:
    """Return all checks that bear on a comparison of two independent groups."""
    return (
        normality("a", a, alpha=alpha),
        normality("b", b, alpha=alpha),
        equal_variances([a, b], alpha=alpha),
        no_outliers("a", a),
        no_outliers("b", b),
        no_ties([a, b]),
    )


def check_pairs(a: ArrayLike, b: ArrayLike, *, alpha: float = 0.05) -> tuple[Check, ...]:
    """Return all checks that bear on a comparison of pairs: of their differences."""
    first, second = sample("a", a, 1), sample("b", b, 1)
    if first.size != second.size:
        raise AnalysisError(f"a has {first.size} values and b {second.size}; give pairs.")
    differences = first - second
    return (
        normality("a - b", differences, alpha=alpha),
        no_outliers("a - b", differences),
        no_ties([differences]),
    )


def _samples(groups: Sequence[ArrayLike]) -> list[Float64s]:
    if not groups:
        raise AnalysisError("groups is empty; give one group or more.")
    return [sample(f"groups[{i}]", values, 1) for i, values in enumerate(groups)]
