"""Values matched by seed, fold or data set: paired t, Wilcoxon, sign test, sign flips, and the
corrected t-test for cross-validation."""

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from headwater.analysis.exact import (
    LARGEST,
    doubled_ranks,
    lower_quantile,
    sign_sums,
    tail_of,
)
from headwater.analysis.inputs import (
    FEW,
    MOST_PAIRS,
    Alternative,
    fraction,
    generator,
    one_of,
    pairs,
    positive,
    whole,
)
from headwater.analysis.result import HypothesisTest, Interval
from headwater.analysis.student import around, tail
from headwater.entities.metric import Float64s
from headwater.errors import AnalysisError

Zeros = Literal["pratt", "wilcox"]

_BATCH = 1 << 21


def paired_t(
    a: ArrayLike, b: ArrayLike, *, alternative: Alternative = "two-sided", level: float = 0.95
) -> HypothesisTest:
    """Test whether the mean of the differences is zero: t = mean / (s / sqrt(n)), df = n - 1.

    Source: Student, Biometrika 6 (1908), 1-25.
    """
    first, second = pairs(a, b)
    differences = first - second
    error = _spread(differences) / math.sqrt(differences.size)
    return _student(
        "paired t-test",
        differences,
        error,
        alternative,
        level,
        (
            "pairs are independent of each other",
            "the mean difference is nearly normal: no strong skew or outliers among few pairs",
        ),
    )


def corrected_resampled_t(
    a: ArrayLike,
    b: ArrayLike,
    *,
    test_share: float,
    alternative: Alternative = "two-sided",
    level: float = 0.95,
) -> HypothesisTest:
    """Test whether two learners have equal mean scores over repeated cross-validation or splits.

    ``a`` and ``b`` hold one score per split. As the splits share training data, the variance of the
    mean is s² (1/n + r) with r = test size / training size, instead of s²/n; df = n - 1.
    ``test_share`` is that r: 1/(k - 1) for k-fold cross-validation, 1/9 for a 90/10 split.
    Source: Nadeau and Bengio, Machine Learning 52 (2003), 239-281; Bouckaert and Frank, PAKDD 2004.
    """
    first, second = pairs(a, b)
    differences = first - second
    ratio = positive("test_share", test_share)
    error = _spread(differences) * math.sqrt(1 / differences.size + ratio)
    return _student(
        "corrected resampled t-test",
        differences,
        error,
        alternative,
        level,
        (
            "scores come from repeated splits of one data set",
            "the correlation of two splits is test_share / (1 + test_share), a heuristic",
            "the conclusion is about this data set, not about others",
        ),
    )


def wilcoxon(
    a: ArrayLike,
    b: ArrayLike,
    *,
    zeros: Zeros = "pratt",
    alternative: Alternative = "two-sided",
    level: float = 0.95,
) -> HypothesisTest:
    """Test whether differences lie symmetrically around zero, by the ranks of their sizes.

    W is the sum of the ranks of positive differences. Zeros take part in the ranking and are left
    out of the sum (``pratt``), or are left out of both (``wilcox``); either way a warning counts
    them. Up to 50 pairs, the p-value is exact, given ties and zeros. The estimate is the median of
    the averages of any two differences (Hodges and Lehmann), its interval Tukey's, two-sided
    whatever the alternative.
    Sources: Wilcoxon, Biometrics Bulletin 1 (1945), 80-83; Pratt, JASA 54 (1959), 655-667;
    Hollander, Wolfe and Chicken, Nonparametric Statistical Methods (2014), chapter 3.
    """
    first, second = pairs(a, b, 1)
    one_of("zeros", zeros, Zeros)
    one_of("alternative", alternative, Alternative)
    differences = first - second
    kept = differences if zeros == "pratt" else differences[differences != 0]
    ranks, signs = stats.rankdata(np.abs(kept)), np.sign(kept)
    ranks, signs = ranks[signs != 0], signs[signs != 0]
    statistic = float(ranks[signs > 0].sum())
    exact = ranks.size <= LARGEST
    if exact:
        doubled = doubled_ranks(ranks)
        p_value = tail_of(sign_sums(doubled), int(doubled[signs > 0].sum()), alternative)
    else:
        p_value = _normal_w(statistic, ranks, alternative)
    centre, interval, warnings = _pseudo_median(differences, level)
    dropped = differences.size - ranks.size
    if dropped:
        warnings += (f"{dropped} of {differences.size} differences are zero (method: {zeros}).",)
    return HypothesisTest(
        method=f"Wilcoxon signed-rank test ({'exact' if exact else 'normal approximation'})",
        null="the differences a - b are symmetric around zero",
        statistic_name="W",
        statistic=statistic,
        df=(),
        p_value=p_value,
        alternative=alternative,
        exact=exact,
        sizes=(differences.size,),
        estimate_name="pseudo-median of a - b",
        estimate=centre,
        interval=interval,
        assumptions=("pairs are independent of each other", "differences are symmetric"),
        warnings=(*_few(differences), *warnings),
    )


def sign_test(
    a: ArrayLike, b: ArrayLike, *, alternative: Alternative = "two-sided", level: float = 0.95
) -> HypothesisTest:
    """Test whether a wins as often as b: binomial, exact; ties of a pair take no part.

    The estimate is the median difference, its two-sided interval from order statistics.
    Source: Conover, Practical Nonparametric Statistics (1999), section 3.4.
    """
    first, second = pairs(a, b, 1)
    one_of("alternative", alternative, Alternative)
    alpha = 1 - fraction("level", level)
    differences = np.sort(first - second)
    wins, losses = int((differences > 0).sum()), int((differences < 0).sum())
    warnings = _few(differences)
    p_value = 1.0
    if wins + losses:
        p_value = float(stats.binomtest(wins, wins + losses, alternative=alternative).pvalue)
    if wins + losses < differences.size:
        equal = differences.size - wins - losses
        warnings += (f"{equal} of {differences.size} pairs are equal and take no part.",)
    index = int(stats.binom.ppf(alpha / 2, differences.size, 0.5))
    interval = Interval(-math.inf, math.inf, level, "order statistics")
    if index >= 1:
        low, high = float(differences[index - 1]), float(differences[-index])
        interval = Interval(low, high, level, "order statistics")
    return HypothesisTest(
        method="sign test",
        null="a is greater than b as often as b is greater than a",
        statistic_name="wins",
        statistic=float(wins),
        df=(),
        p_value=p_value,
        alternative=alternative,
        exact=True,
        sizes=(differences.size,),
        estimate_name="median of a - b",
        estimate=float(np.median(differences)),
        interval=interval,
        assumptions=("pairs are independent of each other",),
        warnings=warnings,
    )


def sign_flips(
    a: ArrayLike,
    b: ArrayLike,
    *,
    seed: int,
    alternative: Alternative = "two-sided",
    resamples: int = 9999,
) -> HypothesisTest:
    """Test whether differences lie symmetrically around zero by flipping their signs at random.

    The statistic is the mean difference. All 2^n flips are tried where there are no more than
    ``resamples + 1``; else p = (1 + count as extreme) / (1 + resamples).
    Sources: Fisher 1935; Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9 (2010), 39.
    """
    first, second = pairs(a, b)
    one_of("alternative", alternative, Alternative)
    whole("resamples", resamples, 99)
    differences = first - second
    scaled = differences / (np.abs(differences).max() or 1.0)
    ways = 2**differences.size
    exact = ways <= resamples + 1
    if exact:
        sums = np.zeros(1)
        for size in scaled:
            sums = np.concatenate([sums + size, sums - size])
        p_value = _extreme(sums, float(scaled.sum()), alternative) / ways
    else:
        extreme, left, rng = 0, resamples, generator(seed)
        while left:
            count = min(left, max(1, _BATCH // differences.size))
            flips = rng.integers(0, 2, (count, differences.size), np.int8) * 2.0 - 1
            extreme += _extreme(flips @ scaled, float(scaled.sum()), alternative)
            left -= count
        p_value = (1 + extreme) / (1 + resamples)
    return HypothesisTest(
        method=f"sign-flip permutation test ({'all' if exact else 'random'} flips)",
        null="the differences a - b are symmetric around zero",
        statistic_name="mean difference",
        statistic=float(differences.mean()),
        df=(),
        p_value=p_value,
        alternative=alternative,
        exact=exact,
        sizes=(differences.size,),
        estimate_name="mean of a - b",
        estimate=float(differences.mean()),
        assumptions=("pairs are independent of each other", "differences are symmetric"),
        warnings=_few(differences),
    )


def _student(
    method: str,
    differences: Float64s,
    error: float,
    alternative: Alternative,
    level: float,
    assumptions: tuple[str, ...],
) -> HypothesisTest:
    mean, df = float(differences.mean()), differences.size - 1
    return HypothesisTest(
        method=method,
        null="the mean of a - b is zero",
        statistic_name="t",
        statistic=mean / error,
        df=(float(df),),
        p_value=tail(mean / error, df, alternative),
        alternative=alternative,
        exact=False,
        sizes=(differences.size,),
        estimate_name="mean of a - b",
        estimate=mean,
        standard_error=error,
        interval=around(mean, error, df, level, alternative),
        assumptions=assumptions,
        warnings=_few(differences),
    )


def _spread(differences: Float64s) -> float:
    spread = float(differences.std(ddof=1))
    if spread <= 1e-14 * float(np.abs(differences).max()):
        raise AnalysisError(
            "a - b is the same in every pair, so that a t-test has no measure of error; "
            "use sign_flips or sign_test, or check that the runs differ in their seed."
        )
    return spread


def _few(differences: Float64s) -> tuple[str, ...]:
    if differences.size >= FEW:
        return ()
    return (f"There are only {differences.size} pairs; estimates of spread are rough.",)


def _normal_w(statistic: float, ranks: Float64s, alternative: Alternative) -> float:
    away = statistic - float(ranks.sum()) / 2
    # The ranks' own squares: ties and Pratt's zeros are in them.
    spread = math.sqrt(float(ranks @ ranks) / 4)
    if alternative == "two-sided" and abs(away) < 0.5:
        return 1.0
    correction = {"greater": 0.5, "less": -0.5}.get(alternative, math.copysign(0.5, away))
    return tail((away - correction) / spread, math.inf, alternative)


def _pseudo_median(
    differences: Float64s, level: float
) -> tuple[float | None, Interval | None, tuple[str, ...]]:
    """Return Hodges and Lehmann's estimate with Tukey's two-sided interval."""
    alpha, size = 1 - fraction("level", level), differences.size
    if size * (size + 1) // 2 > MOST_PAIRS:
        return None, None, ("So many pairs: the pseudo-median is not estimated.",)
    rows, columns = np.triu_indices(size)
    averages = np.sort((differences[rows] + differences[columns]) / 2)
    if size <= LARGEST:
        index = lower_quantile(sign_sums(np.arange(1, size + 1)), alpha / 2)
    else:
        spread = math.sqrt(size * (size + 1) * (2 * size + 1) / 24)
        index = math.floor(averages.size / 2 - float(stats.norm.ppf(1 - alpha / 2)) * spread)
    if index < 1:
        interval = Interval(-math.inf, math.inf, level, "Tukey")
        warning = f"So few pairs have no distribution-free interval of level {level}."
        return float(np.median(averages)), interval, (warning,)
    low, high = float(averages[index - 1]), float(averages[-index])
    return float(np.median(averages)), Interval(low, high, level, "Tukey"), ()


def _extreme(found: Float64s, observed: float, alternative: Alternative) -> int:
    """Count the sums that are at least as extreme as the observed one, but for rounding."""
    slack = 1e-10  # Of sums of numbers up to 1.
    if alternative == "greater":
        return int(np.count_nonzero(found >= observed - slack))
    if alternative == "less":
        return int(np.count_nonzero(found <= observed + slack))
    return int(np.count_nonzero(np.abs(found) >= abs(observed) - slack))
