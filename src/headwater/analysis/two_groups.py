"""Two independent groups: Welch's t, Mann-Whitney U, permutation of labels."""

import itertools
import math
from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from headwater.analysis.exact import (
    LARGEST,
    doubled_ranks,
    lower_quantile,
    subset_sums,
    tail_of,
)
from headwater.analysis.inputs import (
    MOST_PAIRS,
    Alternative,
    few,
    fraction,
    generator,
    one_of,
    sample,
    whole,
)
from headwater.analysis.result import HypothesisTest, Interval
from headwater.analysis.student import around, tail
from headwater.entities.metric import Float64s
from headwater.errors import AnalysisError

Statistic = Literal["t", "mean"]

_BATCH = 1 << 21
"""Numbers that one batch of permutations holds: 16 MiB."""


def welch_t(
    a: ArrayLike,
    b: ArrayLike,
    *,
    alternative: Alternative = "two-sided",
    level: float = 0.95,
) -> HypothesisTest:
    """Test whether two means are equal, variances being what they are.

    t = (mean a - mean b) / sqrt(s_a²/n_a + s_b²/n_b), with Welch-Satterthwaite degrees of freedom.
    Source: Welch, Biometrika 34 (1947), 28-35.
    """
    first, second = sample("a", a), sample("b", b)
    shares = first.var(ddof=1) / first.size, second.var(ddof=1) / second.size
    variance = float(sum(shares))
    if variance == 0:
        raise AnalysisError(
            "a and b do not vary, so that a t-test has no measure of error; "
            "use permutation with statistic='mean', or check that the runs differ in their seed."
        )
    parts = shares[0] / variance, shares[1] / variance
    df = float(1 / (parts[0] ** 2 / (first.size - 1) + parts[1] ** 2 / (second.size - 1)))
    difference, error = float(first.mean() - second.mean()), math.sqrt(variance)
    return HypothesisTest(
        method="Welch's t-test",
        null="a and b have the same mean",
        statistic_name="t",
        statistic=difference / error,
        df=(df,),
        p_value=tail(difference / error, df, alternative),
        alternative=alternative,
        exact=False,
        sizes=(first.size, second.size),
        estimate_name="mean of a - mean of b",
        estimate=difference,
        standard_error=error,
        interval=around(difference, error, df, level, alternative),
        assumptions=(
            "values are independent",
            "means are nearly normal: no strong skew or outliers in small groups",
        ),
        warnings=few(a=first, b=second),
    )


def mann_whitney(
    a: ArrayLike,
    b: ArrayLike,
    *,
    alternative: Alternative = "two-sided",
    level: float = 0.95,
) -> HypothesisTest:
    """Test whether two distributions are equal, sensitive to one lying above the other.

    U counts the pairs in which a is greater, ties by half. Up to 50 values in all, the p-value is
    exact, given the ties; beyond, it is normal with corrections for ties and continuity. The
    estimate is Hodges and Lehmann's: the median of all differences a_i - b_j; its interval is
    two-sided whatever the alternative.
    Sources: Mann and Whitney, Ann. Math. Stat. 18 (1947), 50-60; Hollander, Wolfe and Chicken,
    Nonparametric Statistical Methods (2014), chapter 4.
    """
    first, second = sample("a", a, 1), sample("b", b, 1)
    one_of("alternative", alternative, Alternative)
    ranks = stats.rankdata(np.concatenate([first, second]))
    u = float(ranks[: first.size].sum() - first.size * (first.size + 1) / 2)
    exact = ranks.size <= LARGEST
    if exact:
        doubled = doubled_ranks(ranks)
        chances = subset_sums(doubled, first.size)
        p_value = tail_of(chances, int(doubled[: first.size].sum()), alternative)
    else:
        p_value = _normal_u(u, ranks, first.size, alternative)
    shift, interval, warnings = _shift(first, second, level)
    if np.unique(ranks).size < ranks.size:
        warnings += ("Values are tied: the p-value allows for it, the interval is conservative.",)
    return HypothesisTest(
        method=f"Mann-Whitney U test ({'exact' if exact else 'normal approximation'})",
        null="a and b have the same distribution",
        statistic_name="U",
        statistic=u,
        df=(),
        p_value=p_value,
        alternative=alternative,
        exact=exact,
        sizes=(first.size, second.size),
        estimate_name="median difference between values of a and of b",
        estimate=shift,
        interval=interval,
        assumptions=(
            "values are independent",
            "the estimate and interval are of a shift: distributions of one shape",
        ),
        warnings=(*few(a=first, b=second), *warnings),
    )


def permutation(
    a: ArrayLike,
    b: ArrayLike,
    *,
    seed: int,
    statistic: Statistic = "t",
    alternative: Alternative = "two-sided",
    resamples: int = 9999,
) -> HypothesisTest:
    """Test whether two distributions are equal by giving the group labels out anew.

    With ``statistic="t"`` (Welch's), the test is also right, for larger groups, for equal means of
    distributions that differ otherwise. All divisions are tried where there are no more than
    ``resamples + 1``; else p = (1 + count as extreme) / (1 + resamples).
    Sources: Fisher 1935; Janssen, Stat. Probab. Lett. 36 (1997), 9-21; Phipson and Smyth, Stat.
    Appl. Genet. Mol. Biol. 9 (2010), 39.
    """
    first, second = sample("a", a), sample("b", b)
    one_of("statistic", statistic, Statistic)
    one_of("alternative", alternative, Alternative)
    whole("resamples", resamples, 99)
    pooled = np.concatenate([first, second])
    difference = float(first.mean() - second.mean())
    # Centred and scaled, so that sums of squares lose no digits and rounding has one size.
    pooled = pooled - pooled.mean()
    pooled /= np.abs(pooled).max() or 1.0
    observed = float(_divided(pooled, np.arange(first.size)[None], statistic)[0])
    ways = math.comb(pooled.size, first.size)
    exact = ways <= resamples + 1
    extreme = sum(
        _as_extreme(_divided(pooled, chosen, statistic), observed, alternative)
        for chosen in _divisions(pooled.size, first.size, None if exact else resamples, seed)
    )
    p_value = extreme / ways if exact else (1 + extreme) / (1 + resamples)
    return HypothesisTest(
        method=f"permutation test of {'Welch t' if statistic == 't' else 'the mean difference'}"
        f" ({f'all {ways} divisions' if exact else f'{resamples} random divisions'})",
        null="a and b have the same distribution",
        statistic_name="t" if statistic == "t" else "difference",
        statistic=observed if statistic == "t" else difference,
        df=(),
        p_value=p_value,
        alternative=alternative,
        exact=exact,
        sizes=(first.size, second.size),
        estimate_name="mean of a - mean of b",
        estimate=difference,
        assumptions=("values are exchangeable between a and b if the null is true",),
        warnings=_coarse(ways, alternative),
    )


def _normal_u(u: float, ranks: Float64s, size: int, alternative: Alternative) -> float:
    total = ranks.size
    other = total - size
    ties = np.unique(ranks, return_counts=True)[1].astype(np.float64)
    spread = size * other / 12 * (total + 1 - float((ties**3 - ties).sum()) / (total * (total - 1)))
    if spread == 0:
        return 1.0
    away = u - size * other / 2
    correction = {"greater": 0.5, "less": -0.5}.get(alternative, math.copysign(0.5, away))
    if alternative == "two-sided" and abs(away) < 0.5:
        return 1.0
    return tail((away - correction) / math.sqrt(spread), math.inf, alternative)


def _shift(
    a: Float64s, b: Float64s, level: float
) -> tuple[float | None, Interval | None, tuple[str, ...]]:
    """Return Hodges and Lehmann's estimate with Moses' two-sided interval."""
    alpha, count, total = 1 - fraction("level", level), a.size * b.size, a.size + b.size
    if count > MOST_PAIRS:
        return None, None, ("So many values: the shift is not estimated.",)
    differences = np.sort(np.subtract.outer(a, b), axis=None)
    if total <= LARGEST:
        start = a.size * (a.size + 1) // 2
        chances = subset_sums(np.arange(1, total + 1), a.size)[start:]
        index = lower_quantile(chances, alpha / 2)
    else:
        spread = math.sqrt(count * (total + 1) / 12)
        index = math.floor(count / 2 - float(stats.norm.ppf(1 - alpha / 2)) * spread)
    if index < 1:
        interval = Interval(-math.inf, math.inf, level, "Moses")
        warning = f"So few values have no distribution-free interval of level {level}."
        return float(np.median(differences)), interval, (warning,)
    low, high = float(differences[index - 1]), float(differences[count - index])
    return float(np.median(differences)), Interval(low, high, level, "Moses"), ()


def _divisions(
    size: int, chosen: int, resamples: int | None, seed: int
) -> Iterator[NDArray[np.intp]]:
    """Yield batches of divisions, a row the positions of a's values: all, or random ones."""
    step, rng = max(1, _BATCH // size), generator(seed)
    if resamples is None:
        everything = itertools.combinations(range(size), chosen)
        while batch := list(itertools.islice(everything, step)):
            yield np.array(batch)
        return
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        yield rng.random((count, size)).argsort(axis=1)[:, :chosen]


def _divided(pooled: Float64s, chosen: NDArray[np.intp], statistic: Statistic) -> Float64s:
    """Return the statistic of each division; a row of ``chosen`` says which values are a's."""
    size, other = chosen.shape[1], pooled.size - chosen.shape[1]
    picked = pooled[chosen]
    sums, squares = picked.sum(axis=1), (picked**2).sum(axis=1)
    mean, rest = sums / size, (pooled.sum() - sums) / other
    if statistic == "mean":
        return np.asarray(mean - rest)
    inner = np.maximum(squares - size * mean**2, 0) / (size - 1)
    outer = np.maximum((pooled**2).sum() - squares - other * rest**2, 0) / (other - 1)
    variance = inner / size + outer / other
    # What is left of nothing after rounding; then the mean difference is infinitely many errors.
    variance[variance <= 1e-13] = 0
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (mean - rest) / np.sqrt(variance)
    return np.asarray(np.nan_to_num(t, nan=0.0, posinf=math.inf, neginf=-math.inf))


def _as_extreme(found: Float64s, observed: float, alternative: Alternative) -> int:
    """Count the values that are at least as extreme as the observed one, but for rounding."""
    slack = 1e-10 * max(1.0, abs(observed)) if math.isfinite(observed) else 0.0
    if alternative == "greater":
        return int(np.count_nonzero(found >= observed - slack))
    if alternative == "less":
        return int(np.count_nonzero(found <= observed + slack))
    return int(np.count_nonzero(np.abs(found) >= abs(observed) - slack))


def _coarse(ways: int, alternative: Alternative) -> tuple[str, ...]:
    smallest = (2 if alternative == "two-sided" else 1) / ways
    if smallest <= 0.05:
        return ()
    return (f"With so few values p cannot fall below {smallest:.3g}; add runs.",)
