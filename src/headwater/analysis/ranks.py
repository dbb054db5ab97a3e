"""Several methods over several data sets: Friedman's test, post-hoc tests, critical differences.

Rows are data sets (or seeds), columns are methods; rank 1 is the best, ties share mid-ranks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from headwater.analysis.inputs import fraction, generator, one_of, table, whole
from headwater.analysis.multiplicity import holm
from headwater.analysis.paired import wilcoxon
from headwater.analysis.result import HypothesisTest
from headwater.entities.metric import Float64s
from headwater.errors import AnalysisError

PostHoc = Literal["nemenyi", "conover", "holm", "wilcoxon"]

_NAMES = {
    "nemenyi": "Nemenyi",
    "conover": "Conover, Holm-adjusted",
    "holm": "mean ranks by z, Holm-adjusted",
    "wilcoxon": "Wilcoxon signed-rank, Holm-adjusted",
}


@dataclass(frozen=True)
class Friedman:
    """Whether the methods differ at all."""

    mean_ranks: tuple[float, ...]
    chi_squared: HypothesisTest
    iman_davenport: HypothesisTest
    """F = (N-1) χ² / (N(k-1) - χ²), less conservative than χ²."""


@dataclass(frozen=True)
class Pairwise:
    """p-values of all pairs of methods; symmetric, 1 on the diagonal."""

    method: str
    mean_ranks: tuple[float, ...]
    p_values: tuple[tuple[float, ...], ...]
    """Adjusted for the number of pairs."""


@dataclass(frozen=True)
class CriticalDifference:
    """What a critical-difference diagram shows."""

    method: str
    alpha: float
    names: tuple[str, ...]
    """From the best mean rank to the worst."""

    mean_ranks: tuple[float, ...]
    """In the order of ``names``."""

    difference: float | None
    """Of mean ranks beyond which two methods differ; only Nemenyi's test has one."""

    cliques: tuple[tuple[str, ...], ...]
    """Groups that a bar joins: no two of a group differ, none is part of another."""


def rank_rows(scores: ArrayLike, *, higher_is_better: bool) -> Float64s:
    """Return the ranks within each row, 1 for the best."""
    values = table("scores", scores, 1)
    return np.asarray(stats.rankdata(-values if higher_is_better else values, axis=1), np.float64)


def friedman(
    scores: ArrayLike,
    *,
    higher_is_better: bool,
    seed: int,
    correct_ties: bool = True,
    resamples: int = 9999,
) -> Friedman:
    """Test whether all methods rank alike, with Iman and Davenport's F beside it.

    χ² = 12 N/(k(k+1)) [Σ R_j² - k(k+1)²/4], divided by 1 - Σ(t³-t)/(N k (k²-1)) for ties, unless
    ``correct_ties`` is false, as in Demšar's examples. With fewer than 10 rows (5, if there are 5
    methods) chi-squared and F are too rough, and p comes from ``resamples`` random orders within
    the rows: (1 + count as extreme) / (1 + resamples).
    Sources: Friedman, JASA 32 (1937), 675-701; Iman and Davenport, Commun. Stat. A9 (1980),
    571-595; Demšar, JMLR 7 (2006), 1-30.
    """
    ranks = rank_rows(scores, higher_is_better=higher_is_better)
    whole("resamples", resamples, 99)
    n, k = ranks.shape
    if n < 2:
        raise AnalysisError("scores has one row; Friedman's test compares ranks over several.")
    if np.all(ranks == ranks[:, :1]):
        raise AnalysisError("scores are tied in every row; there is nothing to rank.")
    spread = n * k * (k + 1) * (k - 1) / 12
    if correct_ties:
        spread = float((ranks**2).sum()) - n * k * (k + 1) ** 2 / 4
    statistic = float(_friedman_statistic(ranks.sum(axis=0)[None], n, spread)[0])
    p_value, how = float(stats.chi2.sf(statistic, k - 1)), ""
    if n < (5 if k >= 5 else 10):
        p_value = _permuted(ranks, statistic, spread, seed, resamples)
        how = f" ({resamples} random orders)"
    chi_squared = HypothesisTest(
        method=f"Friedman test{how}",
        null="all methods rank alike",
        statistic_name="chi-squared",
        statistic=statistic,
        df=(k - 1.0,),
        p_value=p_value,
        alternative="two-sided",
        exact=False,
        sizes=(n,) * k,
        estimate_name="Kendall's W",
        estimate=statistic / (n * (k - 1)),
        assumptions=("rows are independent of each other",),
        warnings=(f"There are only {n} rows; few differences can show.",) if n < 6 else (),
    )
    mean_ranks = tuple(map(float, ranks.mean(axis=0)))
    return Friedman(mean_ranks, chi_squared, _iman_davenport(chi_squared, n, k, how))


def _iman_davenport(chi_squared: HypothesisTest, n: int, k: int, how: str) -> HypothesisTest:
    """Turn Friedman's test into that of F, which grows with it: random orders give both one p."""
    left = n * (k - 1) - chi_squared.statistic
    f = (n - 1) * chi_squared.statistic / left if left > 1e-9 else math.inf
    df = k - 1.0, (k - 1.0) * (n - 1)
    return replace(
        chi_squared,
        method=f"Iman-Davenport test{how}",
        statistic_name="F",
        statistic=f,
        df=df,
        p_value=chi_squared.p_value if how else float(stats.f.sf(f, *df)),
        estimate_name="",
        estimate=None,
    )


def post_hoc(scores: ArrayLike, *, method: PostHoc, higher_is_better: bool) -> Pairwise:
    """Compare all pairs of methods.

    - ``nemenyi``: |R_i - R_j| / sqrt(k(k+1)/(12 N)) against the studentized range, df infinite.
    - ``conover``: t of rank sums with the residual variance of the ranks, df (N-1)(k-1), Holm.
    - ``holm``: z = |R_i - R_j| / sqrt(k(k+1)/(6 N)), Holm.
    - ``wilcoxon``: signed-rank test of each pair, Holm; a pair's p-value does not depend on which
      other methods are compared, unlike those of mean ranks.

    Sources: Nemenyi 1963 and Demšar, JMLR 7 (2006), 1-30; Conover, Practical Nonparametric
    Statistics (1999), section 5.8; Benavoli, Corani and Mangili, JMLR 17 (2016), 1-10.
    """
    one_of("method", method, PostHoc)
    values = table("scores", scores)
    ranks = rank_rows(values, higher_is_better=higher_is_better)
    n, k = ranks.shape
    upper = np.triu_indices(k, 1)
    apart = np.abs(ranks.mean(axis=0)[upper[0]] - ranks.mean(axis=0)[upper[1]])
    if method == "nemenyi":
        found = stats.studentized_range.sf(apart / math.sqrt(k * (k + 1) / (12 * n)), k, np.inf)
    elif method == "conover":
        found = _conover(ranks, apart * n)
    elif method == "holm":
        found = 2 * stats.norm.sf(apart / math.sqrt(k * (k + 1) / (6 * n)))
    else:
        columns = values.T
        found = [wilcoxon(columns[i], columns[j]).p_value for i, j in zip(*upper, strict=True)]
    p_values = np.ones((k, k))
    p_values[upper] = np.clip(found, 0, 1) if method == "nemenyi" else holm(found).adjusted
    p_values.T[upper] = p_values[upper]
    return Pairwise(
        _NAMES[method],
        tuple(map(float, ranks.mean(axis=0))),
        tuple(tuple(map(float, row)) for row in p_values),
    )


def versus_control(
    scores: ArrayLike, *, control: int, higher_is_better: bool
) -> tuple[float | None, ...]:
    """Compare every method with that of column ``control``; p-values by z, Holm-adjusted.

    The control's own place holds None. Source: Demšar, JMLR 7 (2006), section 3.2.2.
    """
    ranks = rank_rows(table("scores", scores), higher_is_better=higher_is_better)
    n, k = ranks.shape
    if not 0 <= control < k:
        raise AnalysisError(f"control is {control}; give a column between 0 and {k - 1}.")
    mean = ranks.mean(axis=0)
    others = [column for column in range(k) if column != control]
    z = (mean[others] - mean[control]) / math.sqrt(k * (k + 1) / (6 * n))
    adjusted: list[float | None] = list(holm(2 * stats.norm.sf(np.abs(z))).adjusted)
    adjusted.insert(control, None)
    return tuple(adjusted)


def nemenyi_difference(methods: int, rows: int, *, alpha: float = 0.05) -> float:
    """Return the critical difference of mean ranks: q_α / sqrt(2) · sqrt(k(k+1)/(6 N))."""
    k, n = whole("methods", methods, 2), whole("rows", rows, 2)
    quantile = float(stats.studentized_range.ppf(1 - fraction("alpha", alpha), k, np.inf))
    return quantile * math.sqrt(k * (k + 1) / (12 * n))


def critical_difference(
    names: Sequence[str],
    scores: ArrayLike,
    *,
    method: PostHoc = "nemenyi",
    higher_is_better: bool,
    alpha: float = 0.05,
) -> CriticalDifference:
    """Return order, mean ranks and cliques for a critical-difference diagram."""
    values = table("scores", scores)
    if len(names) != values.shape[1] or len(set(names)) != len(names):
        raise AnalysisError(f"names must hold {values.shape[1]} distinct names, one per column.")
    fraction("alpha", alpha)
    compared = post_hoc(values, method=method, higher_is_better=higher_is_better)
    order = np.argsort(compared.mean_ranks, kind="stable")
    p_values = np.array(compared.p_values)[np.ix_(order, order)]
    difference = None
    if method == "nemenyi":
        difference = nemenyi_difference(len(names), values.shape[0], alpha=alpha)
    return CriticalDifference(
        compared.method,
        alpha,
        tuple(names[i] for i in order),
        tuple(compared.mean_ranks[i] for i in order),
        difference,
        tuple(
            tuple(names[order[i]] for i in range(start, end))
            for start, end in _cliques(p_values > alpha)
        ),
    )


def _friedman_statistic(sums: Float64s, n: int, spread: float) -> Float64s:
    k = sums.shape[1]
    away = ((sums - n * (k + 1) / 2) ** 2).sum(axis=1)
    return np.asarray((k - 1) * away / spread)


def _permuted(ranks: Float64s, statistic: float, spread: float, seed: int, resamples: int) -> float:
    rng, extreme = generator(seed), 0
    for start in range(0, resamples, 1000):
        shape = (min(1000, resamples - start), *ranks.shape)
        sums = rng.permuted(np.broadcast_to(ranks, shape), axis=2).sum(axis=1)
        found = _friedman_statistic(sums, ranks.shape[0], spread)
        extreme += int(np.count_nonzero(found >= statistic * (1 - 1e-10)))
    return (1 + extreme) / (1 + resamples)


def _conover(ranks: Float64s, apart: Float64s) -> Float64s:
    n, k = ranks.shape
    df = (n - 1) * (k - 1)
    residual = n * float((ranks**2).sum()) - float((ranks.sum(axis=0) ** 2).sum())
    if residual <= 0:
        raise AnalysisError(
            "scores rank alike in every row, so that Conover's test has no error term; "
            "use method='nemenyi'."
        )
    t = apart / math.sqrt(2 * residual / df)
    return np.asarray(2 * stats.t.sf(t, df), np.float64)


def _cliques(alike: np.ndarray) -> list[tuple[int, int]]:
    """Return the longest stretches in which all pairs are alike, two methods or more."""
    found: list[tuple[int, int]] = []
    size = alike.shape[0]
    for start in range(size):
        end = start + 1
        while end < size and alike[start : end + 1, end].all():
            end += 1
        if end - start > 1 and (not found or end > found[-1][1]):
            found.append((start, end))
    return found
