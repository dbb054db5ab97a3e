"""Checks of assumptions: right answers where they are clear, none where data are few."""

import numpy as np
import pytest
from scipy import stats
from tests.unit.analysis.data import SLEEP_1, SLEEP_2, THREE_GROUPS

from headwater.analysis.assumptions import (
    check_pairs,
    check_two_groups,
    equal_variances,
    no_outliers,
    no_ties,
    normality,
)
from headwater.errors import AnalysisError

_RNG = np.random.default_rng(1)
NORMAL, SKEWED = _RNG.normal(size=30), _RNG.exponential(size=30) ** 2


def test_normality_is_shapiro_and_wilks() -> None:
    # R's shapiro.test(sleep$extra[1:10]) prints W = 0.92581, p-value = 0.4079.
    found = normality("a", SLEEP_1)
    assert (found.statistic, found.p_value) == pytest.approx((0.92581, 0.4079), abs=5e-5)
    assert (found.holds, normality("a", SKEWED).holds) == (True, False)
    assert normality("a", [1, 2, 3]).holds is None
    assert normality("a", [2.0] * 9).holds is False
    assert normality("a", np.arange(6000.0)).holds is None
    assert "nearly normal" in normality("a", np.tile(SKEWED, 3)).finding


def test_equal_variances_is_brown_and_forsythes() -> None:
    wanted = stats.levene(NORMAL, SKEWED, center="median")
    found = equal_variances([NORMAL, SKEWED])
    assert (found.statistic, found.p_value) == pytest.approx((wanted.statistic, wanted.pvalue))
    assert equal_variances([NORMAL, 10 * NORMAL]).holds is False
    assert equal_variances(THREE_GROUPS).holds is None
    assert equal_variances([[1.0] * 9, [2.0] * 9]).holds is True


def test_outliers_are_named_by_position() -> None:
    found = no_outliers("a", [1, 2, 3, 2, 1, 100])
    assert (found.holds, found.finding) == (False, "1 of 6 values are far out (at 5).")
    assert no_outliers("a", NORMAL).holds is True
    assert no_outliers("a", [1, 2]).holds is None


def test_ties_are_counted_over_groups() -> None:
    found = no_ties([[1, 2], [2, 3]])
    assert (found.holds, found.statistic) == (False, 0.5)
    assert no_ties([[1], [2]]).holds is True


def test_all_checks_of_a_comparison() -> None:
    assert [check.assumption for check in check_two_groups(SLEEP_1, SLEEP_2)] == [
        "a is normal",
        "b is normal",
        "variances are equal",
        "a has no outliers",
        "b has no outliers",
        "values are distinct",
    ]
    assert len(check_pairs(SLEEP_1, SLEEP_2)) == 3
    with pytest.raises(AnalysisError, match="give pairs"):
        check_pairs([1, 2], [1])
    with pytest.raises(AnalysisError, match="groups is empty"):
        no_ties([])
