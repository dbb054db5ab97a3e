"""Equivalence and non-inferiority: statsmodels' values, and the interval they are one with."""

import pytest
from tests.unit.analysis.data import SLEEP_1, SLEEP_2

from headwater.analysis.equivalence import equivalence, non_inferiority
from headwater.errors import AnalysisError


def test_as_statsmodels_computes_them() -> None:
    # statsmodels 0.15.0: ttost_ind(a, b, -4, 1, usevar="unequal") and ttost_paired(a, b, -3, 0.5).
    welch = equivalence(SLEEP_1, SLEEP_2, low=-4, high=1)
    assert (welch.p_low, welch.p_high) == pytest.approx((0.005361624103159107, 0.00357066917366290))
    assert (welch.p_value, welch.df) == pytest.approx((0.005361624103159107, 17.776473516178495))
    paired = equivalence(SLEEP_1, SLEEP_2, low=-3, high=0.5, paired=True)
    assert paired.p_value == pytest.approx(0.002655570292658671)
    assert (paired.equivalent, paired.sizes) == (True, (10,))


@pytest.mark.parametrize("high", [-0.2, -0.10661850266839368 + 1e-9, -0.05])
def test_equivalent_is_an_interval_within_the_bounds(high: float) -> None:
    found = equivalence(SLEEP_1, SLEEP_2, low=-4, high=high)
    assert found.interval.level == 0.9
    assert found.equivalent == (found.interval.low > -4 and found.interval.high < high)


def test_non_inferiority_follows_the_direction() -> None:
    worse = non_inferiority(SLEEP_1, SLEEP_2, margin=3.5, higher_is_better=True)
    assert worse.advantage == pytest.approx(-1.58)
    assert worse.not_inferior == (worse.interval.low > -3.5)
    better = non_inferiority(SLEEP_1, SLEEP_2, margin=0.1, higher_is_better=False)
    assert better.advantage == pytest.approx(1.58)
    assert better.not_inferior
    tost = equivalence(SLEEP_1, SLEEP_2, low=-3.5, high=100)
    assert worse.p_value == pytest.approx(tost.p_low)


def test_refusals() -> None:
    with pytest.raises(AnalysisError, match="give low below high"):
        equivalence(SLEEP_1, SLEEP_2, low=1, high=-1)
    with pytest.raises(AnalysisError, match="margin is 0"):
        non_inferiority(SLEEP_1, SLEEP_2, margin=0, higher_is_better=True)
    with pytest.raises(AnalysisError, match="alpha is"):
        equivalence(SLEEP_1, SLEEP_2, low=-1, high=1, alpha=0.6)
