"""Effect sizes: published values, and intervals against their definition."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from tests.unit.analysis.data import SLEEP_1, SLEEP_2

from headwater.analysis.effect_size import (
    cliffs_delta,
    hedges_g,
    hedges_g_paired,
    probability_of_improvement,
)
from headwater.analysis.two_groups import mann_whitney
from headwater.errors import AnalysisError


def test_hedges_g_is_the_t_statistic_rescaled() -> None:
    found = hedges_g(SLEEP_1, SLEEP_2)
    t = stats.ttest_ind(SLEEP_1, SLEEP_2).statistic
    correction = special.gamma(9) / (math.sqrt(9) * special.gamma(8.5))
    assert correction == pytest.approx(1 - 3 / (4 * 18 - 1), abs=2e-4)
    assert found.estimate == pytest.approx(correction * t * math.sqrt(1 / 10 + 1 / 10))
    # Each end makes the observed t a 2.5 % event.
    scale = math.sqrt(10 * 10 / 20)
    low, high = found.interval.low * scale, found.interval.high * scale
    assert stats.nct.sf(t, 18, low) == pytest.approx(0.025, abs=1e-6)
    assert stats.nct.cdf(t, 18, high) == pytest.approx(0.025, abs=1e-6)


def test_hedges_g_paired_is_of_the_differences() -> None:
    found = hedges_g_paired(SLEEP_1, SLEEP_2)
    differences = np.subtract(SLEEP_1, SLEEP_2)
    ratio = differences.mean() / differences.std(ddof=1)
    assert found.estimate == pytest.approx(ratio * (1 - 3 / (4 * 9 - 1)), abs=2e-3)
    assert stats.nct.cdf(
        ratio * math.sqrt(10), 9, found.interval.high * math.sqrt(10)
    ) == pytest.approx(0.025, abs=1e-6)


@pytest.mark.parametrize(
    ("a", "b"),
    [([1, 2], [100, 101.5]), (np.arange(2000.0), np.arange(2000.0) + 1e5), ([0, 1], [0, 1])],
    ids=["two values", "far apart", "equal"],
)
def test_intervals_of_extreme_effects_hold_the_estimate(a: list[float], b: list[float]) -> None:
    found = hedges_g(a, b)
    assert found.estimate in found.interval
    mirrored = hedges_g(b, a).interval
    assert (mirrored.low, mirrored.high) == pytest.approx(
        (-found.interval.high, -found.interval.low), abs=1e-6
    )


def test_cliffs_delta_as_the_r_package_effsize_documents_it() -> None:
    treated, control = [10, 10, 20, 20, 20, 30, 30, 30, 40, 50], [10, 20, 30, 40, 40, 50]
    found = cliffs_delta(treated, control)
    assert found.estimate == pytest.approx(-0.25)
    assert found.interval.low == pytest.approx(-0.7265846, abs=5e-8)
    assert found.interval.high == pytest.approx(0.3890062, abs=5e-8)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.integers(-4, 4), min_size=2, max_size=8),
    st.lists(st.integers(-4, 4), min_size=2, max_size=8),
)
def test_dominance_is_u_and_antisymmetric(a: list[int], b: list[int]) -> None:
    delta, improvement = cliffs_delta(a, b), probability_of_improvement(a, b)
    assert improvement.estimate == pytest.approx(mann_whitney(a, b).statistic / (len(a) * len(b)))
    assert cliffs_delta(b, a).estimate == pytest.approx(-delta.estimate)
    assert -1 <= delta.interval.low <= delta.estimate <= delta.interval.high <= 1
    assert 0 <= improvement.interval.low <= improvement.interval.high <= 1


def test_groups_apart_get_an_interval_with_a_warning() -> None:
    found = cliffs_delta([4, 5, 6, 7, 8], [1, 2, 3, 3, 3])
    assert (found.estimate, found.interval.high) == (1, 1)
    assert found.interval.low == pytest.approx((5 - 1.96**2) / (5 + 1.96**2), abs=1e-4)
    assert "reaches into" in found.warnings[0]


def test_refusals() -> None:
    with pytest.raises(AnalysisError, match=r"do not vary.*cliffs_delta"):
        hedges_g([1, 1], [2, 2])
    with pytest.raises(AnalysisError, match="a has 3 values and b 4"):
        hedges_g_paired([1, 2, 3], [1, 2, 3, 4])
    with pytest.raises(AnalysisError, match="a has 2 values, at least 3"):
        hedges_g_paired([1, 2], [1, 3])
