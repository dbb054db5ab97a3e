"""Several independent groups: analysis of variance (Welch's and Fisher's), Kruskal-Wallis."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from headwater.analysis.inputs import FEW, generator, sample, whole
from headwater.analysis.result import HypothesisTest
from headwater.entities.metric import Float64s
from headwater.errors import AnalysisError


def anova(groups: Sequence[ArrayLike], *, equal_variances: bool = False) -> HypothesisTest:
    """Test whether all means are equal; by default without assuming equal variances.

    Welch's F = [Σ w_i (m_i - m)² / (k-1)] / [1 + 2 (k-2)/(k²-1) Λ], w_i = n_i/s_i², with
    Λ = Σ (1 - w_i/Σw)²/(n_i - 1) and df (k-1, (k²-1)/(3Λ)); Fisher's F is the ratio of the mean
    squares between and within groups. The estimate is ω², the share of variance that lies between
    the groups, less biased than η².
    Sources: Welch, Biometrika 38 (1951), 330-336; Hays, Statistics (1994) for ω².
    """
    samples = _samples(groups, 2)
    sizes = np.array([values.size for values in samples])
    within = float(sum(((values - values.mean()) ** 2).sum() for values in samples))
    if within == 0:
        raise AnalysisError("groups do not vary within themselves; an F-test has no error term.")
    if equal_variances:
        statistic, df = _fisher(samples, sizes, within)
    else:
        statistic, df = _welch(samples, sizes)
    total, k = int(sizes.sum()), len(samples)
    fisher, _ = _fisher(samples, sizes, within)
    omega = (k - 1) * (fisher - 1) / ((k - 1) * (fisher - 1) + total)
    return HypothesisTest(
        method="one-way analysis of variance"
        if equal_variances
        else "Welch's analysis of variance",
        null="all groups have the same mean",
        statistic_name="F",
        statistic=statistic,
        df=df,
        p_value=float(stats.f.sf(statistic, *df)),
        alternative="two-sided",
        exact=False,
        sizes=tuple(map(int, sizes)),
        estimate_name="omega squared",
        estimate=max(0.0, omega),
        assumptions=(
            "values are independent",
            "means are nearly normal: no strong skew or outliers in small groups",
            *(("variances are equal",) if equal_variances else ()),
        ),
        warnings=_few(sizes),
    )


def kruskal_wallis(
    groups: Sequence[ArrayLike], *, seed: int, resamples: int = 9999
) -> HypothesisTest:
    """Test whether all groups have the same distribution, by ranks, with correction for ties.

    H = 12/(N(N+1)) Σ R_i²/n_i - 3(N+1), divided by 1 - Σ(t³-t)/(N³-N). Where a group has fewer than
    five values, chi-squared is too rough for H, and p comes from ``resamples`` random divisions:
    (1 + count as extreme) / (1 + resamples). The estimate is ε² = H/(N-1).
    Sources: Kruskal and Wallis, JASA 47 (1952), 583-621; Tomczak and Tomczak 2014 for ε².
    """
    samples = _samples(groups, 1)
    whole("resamples", resamples, 99)
    sizes = np.array([values.size for values in samples])
    ranks = stats.rankdata(np.concatenate(samples))
    if np.unique(ranks).size == 1:
        raise AnalysisError("groups hold one value only; there is nothing to rank.")
    statistic = float(_h(ranks[None], sizes)[0])
    df, approximate = len(samples) - 1, int(sizes.min()) >= FEW
    if approximate:
        p_value = float(stats.chi2.sf(statistic, df))
    else:
        rng, extreme = generator(seed), 0
        for start in range(0, resamples, 1000):
            rows = np.broadcast_to(ranks, (min(1000, resamples - start), ranks.size))
            found = _h(rng.permuted(rows, axis=1), sizes)
            extreme += int(np.count_nonzero(found >= statistic * (1 - 1e-10)))
        p_value = (1 + extreme) / (1 + resamples)
    how = "chi-squared" if approximate else f"{resamples} random divisions"
    return HypothesisTest(
        method=f"Kruskal-Wallis test ({how})",
        null="all groups have the same distribution",
        statistic_name="H",
        statistic=statistic,
        df=(float(df),),
        p_value=p_value,
        alternative="two-sided",
        exact=False,
        sizes=tuple(map(int, sizes)),
        estimate_name="epsilon squared",
        estimate=statistic / (ranks.size - 1),
        assumptions=("values are independent",),
        warnings=_few(sizes),
    )


def _samples(groups: Sequence[ArrayLike], least: int) -> list[Float64s]:
    if len(groups) < 2:
        raise AnalysisError(f"groups has {len(groups)} entries; give two groups or more.")
    return [sample(f"groups[{i}]", values, least) for i, values in enumerate(groups)]


def _fisher(
    samples: list[Float64s], sizes: np.ndarray, within: float
) -> tuple[float, tuple[float, float]]:
    means = np.array([values.mean() for values in samples])
    between = float((sizes * (means - np.average(means, weights=sizes)) ** 2).sum())
    df = float(len(samples) - 1), float(sizes.sum() - len(samples))
    return (between / df[0]) / (within / df[1]), df


def _welch(samples: list[Float64s], sizes: np.ndarray) -> tuple[float, tuple[float, float]]:
    variances = np.array([values.var(ddof=1) for values in samples])
    if not variances.all():
        raise AnalysisError(
            f"groups[{int(np.argmin(variances))}] does not vary, and Welch's analysis weighs "
            "groups by their variance; use equal_variances=True or kruskal_wallis."
        )
    weights, k = sizes / variances, len(samples)
    means = np.array([values.mean() for values in samples])
    spread = float((weights * (means - np.average(means, weights=weights)) ** 2).sum())
    unsure = float(((1 - weights / weights.sum()) ** 2 / (sizes - 1)).sum())
    statistic = spread / (k - 1) / (1 + 2 * (k - 2) / (k**2 - 1) * unsure)
    return statistic, (float(k - 1), (k**2 - 1) / (3 * unsure))


def _h(ranks: Float64s, sizes: np.ndarray) -> Float64s:
    """Return H of each row; values of a group stand side by side."""
    total = ranks.shape[1]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    sums = np.add.reduceat(ranks, starts, axis=1)
    # By the variance of the ranks, in which ties are allowed for.
    variance = float(ranks[0].var(ddof=1))
    return np.asarray((((sums / sizes - (total + 1) / 2) ** 2) * sizes).sum(axis=1) / variance)


def _few(sizes: np.ndarray) -> tuple[str, ...]:
    small = [f"groups[{i}]" for i, size in enumerate(sizes) if size < FEW]
    return (f"Fewer than {FEW} values in {', '.join(small)}.",) if small else ()
