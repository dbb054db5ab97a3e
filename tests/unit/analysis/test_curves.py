"""Areas, times to a threshold and their comparison."""

import numpy as np
import pytest
from scipy import stats

from headwater.analysis.curves import TimeTo, area, compare_times, time_to_threshold
from headwater.errors import AnalysisError


def test_area_is_that_of_trapezoids() -> None:
    assert area([0, 1, 3], [0, 2, 2], mean_height=False) == 5
    assert area([0, 1, 3], [0, 2, 2]) == pytest.approx(5 / 3)
    assert area([5, 9], [0.7, 0.7]) == pytest.approx(0.7)


def test_time_is_interpolated() -> None:
    found = time_to_threshold([0, 10, 20], [0.0, 0.5, 1.0], 0.75, higher_is_better=True)
    assert found == TimeTo(True, 15.0)
    loss = time_to_threshold([0, 10, 20], [1.0, 0.4, 0.2], 0.7, higher_is_better=False)
    assert loss == TimeTo(True, pytest.approx(5.0))  # type: ignore[arg-type]
    assert time_to_threshold([3, 4], [1, 1], 0.5, higher_is_better=True) == TimeTo(True, 3)


def test_a_spike_does_not_count_where_it_has_to_stay() -> None:
    steps, values = [0, 1, 2, 3, 4], [0.0, 1.0, 0.0, 1.0, 1.0]
    assert time_to_threshold(steps, values, 0.5, higher_is_better=True) == TimeTo(True, 0.5)
    found = time_to_threshold(steps, values, 0.5, higher_is_better=True, stays=2)
    assert found == TimeTo(True, 2.5)
    never = time_to_threshold(steps, values, 0.5, higher_is_better=True, stays=3)
    assert never == TimeTo(False, 4.0)
    assert not time_to_threshold(steps, values, 0.5, higher_is_better=True, stays=9).reached


def test_times_are_compared_with_censoring() -> None:
    # The example of scipy.stats.logrank: Bland and Altman, BMJ 328 (2004), 1073.
    astrocytoma = [6, 13, 21, 30, 37, 38, 49, 50, 63, 79, 86, 98, 202, 219]
    late = [31, 47, 80, 82, 82, 149]
    glioblastoma = [10, 10, 12, 13, 14, 15, 16, 17, 18, 20, 24, 24, 25, 28, 30, 33, 35, 37, 40]
    glioblastoma += [40, 46, 48, 76, 81, 82, 91, 112, 181]
    a = [TimeTo(True, t) for t in astrocytoma] + [TimeTo(False, t) for t in late]
    b = [TimeTo(True, t) for t in glioblastoma] + [TimeTo(False, t) for t in (34, 40, 70)]
    found = compare_times(a, b)
    assert found.statistic == pytest.approx(-2.73799, abs=5e-6)
    assert found.p_value == pytest.approx(0.00618, abs=5e-6)
    assert found.warnings == ("6 of 20 runs of a and 3 of 31 of b never do.",)


def test_the_sign_says_who_is_faster() -> None:
    fast = [TimeTo(True, t) for t in (1.0, 2, 3, 4, 5)]
    slow = [TimeTo(False, 9.0)] * 5
    assert compare_times(fast, slow).statistic > 0
    assert compare_times(slow, fast).statistic < 0
    assert compare_times(fast, slow).p_value < stats.norm.sf(2)


def test_refusals() -> None:
    with pytest.raises(AnalysisError, match="steps must grow"):
        area([0, 0, 1], [1, 2, 3])
    with pytest.raises(AnalysisError, match="steps has 2 values for 3 points"):
        area([0, 1], [1, 2, 3])
    with pytest.raises(AnalysisError, match="no run reaches the threshold"):
        compare_times([TimeTo(False, 1)] * 2, [TimeTo(False, 1)] * 2)
    with pytest.raises(AnalysisError, match="b has 1 times"):
        compare_times([TimeTo(True, 1)] * 2, [TimeTo(True, 1)])
    with pytest.raises(AnalysisError, match="values has 1 value of 2 that is NaN"):
        area([0, 1], [np.nan, 1])
