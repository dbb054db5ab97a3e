"""Several groups: known answers of scipy, statsmodels and enumeration."""

import itertools

import numpy as np
import pytest
from scipy import stats
from tests.unit.analysis.data import SLEEP_1, SLEEP_2, THREE_GROUPS

from headwater.analysis.many_groups import anova, kruskal_wallis
from headwater.analysis.two_groups import welch_t
from headwater.errors import AnalysisError


def test_welchs_analysis_as_statsmodels_computes_it() -> None:
    # statsmodels 0.15.0, anova_oneway(groups, use_var="unequal").
    found = anova(THREE_GROUPS)
    assert found.statistic == pytest.approx(7.37240934426195)
    assert found.df == pytest.approx((2, 9.908078475695584))
    assert found.p_value == pytest.approx(0.010934583534270672)


def test_fishers_analysis_is_scipys() -> None:
    wanted = stats.f_oneway(*THREE_GROUPS)
    found = anova(THREE_GROUPS, equal_variances=True)
    assert (found.statistic, found.p_value) == pytest.approx((wanted.statistic, wanted.pvalue))
    # Omega squared from the sums of squares: (SSb - (k-1) MSw)/(SSt + MSw).
    pooled = np.concatenate(THREE_GROUPS)
    total = ((pooled - pooled.mean()) ** 2).sum()
    within = sum(np.var(group) * len(group) for group in THREE_GROUPS)
    mean_square = within / (pooled.size - 3)
    omega = (total - within - 2 * mean_square) / (total + mean_square)
    assert found.estimate == pytest.approx(omega)


def test_welchs_analysis_of_two_groups_is_welchs_t_squared() -> None:
    found, t = anova([SLEEP_1, SLEEP_2]), welch_t(SLEEP_1, SLEEP_2)
    assert found.statistic == pytest.approx(t.statistic**2)
    assert found.p_value == pytest.approx(t.p_value)


def test_kruskal_wallis_is_scipys_for_larger_groups() -> None:
    wanted = stats.kruskal(*THREE_GROUPS)
    found = kruskal_wallis(THREE_GROUPS, seed=0)
    assert (found.statistic, found.p_value) == pytest.approx((wanted.statistic, wanted.pvalue))


def test_kruskal_wallis_of_small_groups_comes_near_all_divisions() -> None:
    groups = [[1.0, 2.0, 2.0], [3.0, 5.0], [2.0, 6.0]]
    found = kruskal_wallis(groups, seed=1)
    pooled = np.concatenate(groups)
    extreme = total = 0
    for first in itertools.combinations(range(7), 3):
        rest = [i for i in range(7) if i not in first]
        for second in itertools.combinations(rest, 2):
            third = [i for i in rest if i not in second]
            h = stats.kruskal(pooled[list(first)], pooled[list(second)], pooled[third]).statistic
            extreme, total = extreme + (h >= found.statistic - 1e-9), total + 1
    assert found.p_value == pytest.approx(extreme / total, abs=0.015)
    assert found == kruskal_wallis(groups, seed=1)
    assert "Fewer than 5 values" in found.warnings[0]


def test_refusals() -> None:
    with pytest.raises(AnalysisError, match="groups has 1 entries"):
        anova([[1, 2]])
    with pytest.raises(AnalysisError, match=r"groups\[1\] does not vary.*kruskal_wallis"):
        anova([[1, 2], [3, 3]])
    with pytest.raises(AnalysisError, match="nothing to rank"):
        kruskal_wallis([[1, 1], [1, 1]], seed=0)
