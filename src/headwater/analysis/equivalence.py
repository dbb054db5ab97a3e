"""Whether two means are the same for all practical purposes, or one is not worse than the other."""

from dataclasses import dataclass

from numpy.typing import ArrayLike

from headwater.analysis.inputs import fraction, positive
from headwater.analysis.paired import paired_t
from headwater.analysis.result import HypothesisTest, Interval
from headwater.analysis.student import around, tail
from headwater.analysis.two_groups import welch_t
from headwater.errors import AnalysisError


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests of whether ``low < mean a - mean b < high``."""

    method: str
    low: float
    high: float
    p_low: float
    """Against the difference being ``low`` or less."""

    p_high: float
    """Against the difference being ``high`` or more."""

    p_value: float
    """The larger of the two."""

    alpha: float
    equivalent: bool
    """Whether ``p_value`` is at most ``alpha``; so the interval lies between the bounds."""

    estimate: float
    standard_error: float
    df: float
    interval: Interval
    """Of level 1 - 2 ``alpha``."""

    sizes: tuple[int, ...]
    assumptions: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class NonInferiority:
    """A one-sided test of whether a is worse than b by less than a margin."""

    method: str
    margin: float
    p_value: float
    alpha: float
    not_inferior: bool
    advantage: float
    """Estimate of how much better a is; negative where it is worse."""

    interval: Interval
    """One-sided, of the advantage, of level 1 - ``alpha``."""

    sizes: tuple[int, ...]
    warnings: tuple[str, ...]


def equivalence(
    a: ArrayLike,
    b: ArrayLike,
    *,
    low: float,
    high: float,
    paired: bool = False,
    alpha: float = 0.05,
) -> Equivalence:
    """Test equivalence by two one-sided t-tests, Welch's or paired.

    t_low = (d - low)/se, t_high = (d - high)/se; p is the larger tail. Choose the bounds, in units
    of the metric, before looking at the data.
    Source: Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987), 657-680.
    """
    fraction("2 * alpha", 2 * alpha)
    if not low < high:
        raise AnalysisError(f"low is {low} and high is {high}; give low below high.")
    test, difference, error = _compared(a, b, paired)
    df = test.df[0]
    p_low = tail((difference - low) / error, df, "greater")
    p_high = tail((difference - high) / error, df, "less")
    p_value = max(p_low, p_high)
    return Equivalence(
        method=f"two one-sided {'paired' if paired else 'Welch'} t-tests",
        low=low,
        high=high,
        p_low=p_low,
        p_high=p_high,
        p_value=p_value,
        alpha=alpha,
        equivalent=p_value <= alpha,
        estimate=difference,
        standard_error=error,
        df=df,
        interval=around(difference, error, df, 1 - 2 * alpha),
        sizes=test.sizes,
        assumptions=test.assumptions,
        warnings=test.warnings,
    )


def non_inferiority(
    a: ArrayLike,
    b: ArrayLike,
    *,
    margin: float,
    higher_is_better: bool,
    paired: bool = False,
    alpha: float = 0.05,
) -> NonInferiority:
    """Test whether a is at most ``margin`` worse than b: t = (advantage + margin) / se.

    Source: Wellek, Testing Statistical Hypotheses of Equivalence and Noninferiority (2010).
    """
    positive("margin", margin)
    fraction("alpha", alpha)
    test, difference, error = _compared(a, b, paired)
    advantage = difference if higher_is_better else -difference
    p_value = tail((advantage + margin) / error, test.df[0], "greater")
    return NonInferiority(
        method=f"one-sided {'paired' if paired else 'Welch'} t-test with a margin",
        margin=margin,
        p_value=p_value,
        alpha=alpha,
        not_inferior=p_value <= alpha,
        advantage=advantage,
        interval=around(advantage, error, test.df[0], 1 - alpha, "greater"),
        sizes=test.sizes,
        warnings=test.warnings,
    )


def _compared(a: ArrayLike, b: ArrayLike, paired: bool) -> tuple[HypothesisTest, float, float]:
    test = paired_t(a, b) if paired else welch_t(a, b)
    assert test.estimate is not None
    assert test.standard_error is not None
    return test, test.estimate, test.standard_error
