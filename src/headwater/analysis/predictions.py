"""Two classifiers on the same examples: McNemar's test of errors, DeLong's of areas under ROC."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from headwater.analysis.inputs import fraction, one_of, sample
from headwater.analysis.result import HypothesisTest
from headwater.analysis.student import around, tail
from headwater.entities.metric import Float64s
from headwater.errors import AnalysisError

Variant = Literal["auto", "exact", "mid-p", "corrected", "uncorrected"]

_EXACT_BELOW = 1000
"""Discordant examples below which ``auto`` is exact: it costs nothing there."""


@dataclass(frozen=True)
class AreaComparison:
    """Two areas under ROC curves of the same examples."""

    areas: tuple[float, float]
    covariance: tuple[tuple[float, float], tuple[float, float]]
    """DeLong's, of the two areas."""

    test: HypothesisTest


def mcnemar(
    correct_a: ArrayLike, correct_b: ArrayLike, *, variant: Variant = "auto", level: float = 0.95
) -> HypothesisTest:
    """Test whether two classifiers err equally often, from whether each example was right.

    Both arguments hold a truth value for each example, in one order. See ``mcnemar_counts``.
    """
    first, second = _truths("correct_a", correct_a), _truths("correct_b", correct_b)
    if first.size != second.size:
        raise AnalysisError(
            f"correct_a has {first.size} examples and correct_b {second.size}; give the same ones."
        )
    only_a, only_b = int((first & ~second).sum()), int((second & ~first).sum())
    return mcnemar_counts(only_a, only_b, first.size, variant=variant, level=level)


def mcnemar_counts(
    only_a: int, only_b: int, examples: int, *, variant: Variant = "auto", level: float = 0.95
) -> HypothesisTest:
    """Test from the counts of examples that only a, and only b, has right.

    ``exact``: binomial with p = 1/2; ``mid-p``: half of the observed count's chance taken off, less
    conservative; ``corrected``: (|b - c| - 1)²/(b + c), ``uncorrected``: (b - c)²/(b + c), both
    chi-squared with one degree of freedom. The estimate is the difference of accuracies, its
    interval Wald's with Bonett and Price's adjustment.
    Sources: McNemar, Psychometrika 12 (1947), 153-157; Fagerland et al., BMC Med. Res. Methodol. 13
    (2013), 91; Bonett and Price, J. Educ. Behav. Stat. 37 (2012), 479-488.
    """
    one_of("variant", variant, Variant)
    discordant = only_a + only_b
    if min(only_a, only_b) < 0 or examples < max(1, discordant):
        raise AnalysisError("only_a, only_b and examples do not fit; count each example once.")
    if variant == "auto":
        variant = "exact" if discordant < _EXACT_BELOW else "corrected"
    statistic = float(min(only_a, only_b))
    if variant in ("exact", "mid-p"):
        p_value = min(1.0, 2 * float(stats.binom.cdf(statistic, discordant, 0.5)))
        if variant == "mid-p":
            p_value = _mid_p(only_a, only_b)
    else:
        apart = max(0, abs(only_a - only_b) - (variant == "corrected"))
        statistic = apart**2 / discordant if discordant else 0.0
        p_value = float(stats.chi2.sf(statistic, 1))
    adjusted = (only_a + 1) / (examples + 2), (only_b + 1) / (examples + 2)
    middle = adjusted[0] - adjusted[1]
    error = math.sqrt((sum(adjusted) - middle**2) / (examples + 2))
    chi = variant not in ("exact", "mid-p")
    return HypothesisTest(
        method=f"McNemar's test ({variant})",
        null="a and b are right equally often",
        statistic_name="chi-squared" if chi else "smaller discordant count",
        statistic=statistic,
        df=(1.0,) if chi else (),
        p_value=p_value,
        alternative="two-sided",
        exact=variant == "exact",
        sizes=(examples,),
        estimate_name="accuracy of a - accuracy of b",
        estimate=(only_a - only_b) / examples,
        standard_error=error,
        interval=around(middle, error, math.inf, level),
        assumptions=(
            "examples are independent of each other",
            "the classifiers are fixed: the variation between training runs is not in it",
        ),
        warnings=_few_discordant(discordant, chi),
    )


def delong(
    labels: ArrayLike, scores_a: ArrayLike, scores_b: ArrayLike, *, level: float = 0.95
) -> AreaComparison:
    """Test whether two scores have equal areas under their ROC curves.

    ``labels`` holds 1 (or True) for positives and 0 for negatives; higher scores mean positive.
    Areas are Mann-Whitney's, ties counting half; the covariance comes from the placements of each
    example, S = S10/positives + S01/negatives, and z = (A_a - A_b)/sqrt(S11 + S22 - 2 S12).
    Sources: DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988), 837-845; by mid-ranks in
    O(n log n) after Sun and Xu, IEEE Signal Process. Lett. 21 (2014), 1389-1393.
    """
    fraction("level", level)
    positive = _truths("labels", labels)
    scores = np.stack([sample("scores_a", scores_a), sample("scores_b", scores_b)])
    if scores.shape[1] != positive.size:
        raise AnalysisError(f"scores have {scores.shape[1]} values for {positive.size} labels.")
    m, n = int(positive.sum()), int((~positive).sum())
    if min(m, n) < 2:
        raise AnalysisError(
            f"labels has {m} positives and {n} negatives; at least two of each are needed."
        )
    above, below = _placements(scores, positive)
    areas = above.mean(axis=1)
    covariance = np.cov(above) / m + np.cov(below) / n
    sides = [[float(value) for value in row] for row in covariance]
    variance = sides[0][0] + sides[1][1] - 2 * sides[0][1]
    return AreaComparison(
        (float(areas[0]), float(areas[1])),
        ((sides[0][0], sides[0][1]), (sides[1][0], sides[1][1])),
        _difference(float(areas[0] - areas[1]), math.sqrt(max(0.0, variance)), m, n, level),
    )


def _difference(difference: float, error: float, m: int, n: int, level: float) -> HypothesisTest:
    z = difference / error if error > 1e-12 else math.copysign(math.inf, difference)
    if error <= 1e-12 and abs(difference) <= 1e-12:
        z = 0.0
    return HypothesisTest(
        method="DeLong's test",
        null="the areas under both ROC curves are equal",
        statistic_name="z",
        statistic=z,
        df=(),
        p_value=tail(z, math.inf, "two-sided"),
        alternative="two-sided",
        exact=False,
        sizes=(m, n),
        estimate_name="area of a - area of b",
        estimate=difference,
        standard_error=error,
        interval=around(difference, error, math.inf, level),
        assumptions=(
            "examples are independent of each other",
            "a and b are not nested models fitted on these examples",
        ),
        warnings=_degenerate(error, m, n),
    )


def _placements(scores: Float64s, positive: NDArray[np.bool_]) -> tuple[Float64s, Float64s]:
    """Return, per score, P(beats a negative) of positives and P(is beaten) of negatives."""
    ranks = stats.rankdata(scores, axis=1)
    own_positive = stats.rankdata(scores[:, positive], axis=1)
    own_negative = stats.rankdata(scores[:, ~positive], axis=1)
    m, n = own_positive.shape[1], own_negative.shape[1]
    above = (ranks[:, positive] - own_positive) / n
    below = 1 - (ranks[:, ~positive] - own_negative) / m
    return above, below


def _truths(name: str, values: ArrayLike) -> NDArray[np.bool_]:
    array = sample(name, values, 1)
    if not np.isin(array, (0, 1)).all():
        raise AnalysisError(f"{name} holds other values than 0 and 1; give truth values.")
    return array.astype(bool)


def _mid_p(only_a: int, only_b: int) -> float:
    total, fewer = only_a + only_b, min(only_a, only_b)
    if only_a == only_b:
        return 1 - float(stats.binom.pmf(fewer, total, 0.5)) if total else 1.0
    return float(2 * stats.binom.cdf(fewer, total, 0.5) - stats.binom.pmf(fewer, total, 0.5))


def _few_discordant(discordant: int, chi: bool) -> tuple[str, ...]:
    if discordant == 0:
        return ("The classifiers are right on the same examples; nothing tells them apart.",)
    if chi and discordant < 25:
        return (f"Only {discordant} discordant examples: chi-squared is rough, use 'exact'.",)
    return ()


def _degenerate(error: float, m: int, n: int) -> tuple[str, ...]:
    found: tuple[str, ...] = ()
    if error <= 1e-12:
        found += (
            "Both scores order the examples alike, or without error: DeLong's variance is zero.",
        )
    if min(m, n) < 20:
        found += (f"Only {m} positives and {n} negatives: the normal approximation is rough.",)
    return found
