"""Two independent groups: known answers, exactness by enumeration, refusals."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tests.unit.analysis.data import SLEEP_1, SLEEP_2

from headwater.analysis.two_groups import mann_whitney, permutation, welch_t
from headwater.errors import AnalysisError

TIED = np.array([0.0, 0, 1, 1, 1, 2, 3, 3, 7])


def test_welch_on_the_sleep_data_as_r_prints_it() -> None:
    found = welch_t(SLEEP_1, SLEEP_2)
    assert found.statistic == pytest.approx(-1.8608, abs=5e-5)
    assert found.df == pytest.approx((17.7765,), abs=5e-4)
    assert found.p_value == pytest.approx(0.07939, abs=5e-6)
    assert found.interval is not None
    assert found.interval.low == pytest.approx(-3.3654832, abs=5e-8)
    assert found.interval.high == pytest.approx(0.2054832, abs=5e-8)
    assert found.warnings == ()


def test_one_sided_p_values_halve_and_intervals_open() -> None:
    less = welch_t(SLEEP_1, SLEEP_2, alternative="less")
    assert less.p_value == pytest.approx(0.07939 / 2, abs=5e-6)
    assert less.interval is not None
    assert less.interval.low == -np.inf
    assert less.interval.high < 0
    greater = welch_t(SLEEP_2, SLEEP_1, alternative="greater")
    assert greater.p_value == pytest.approx(less.p_value)


def test_mann_whitney_agrees_with_scipy_where_that_is_exact() -> None:
    rng = np.random.default_rng(1)
    for sizes in ((1, 1), (3, 9), (8, 8), (12, 20)):
        a, b = rng.normal(size=sizes[0]), rng.normal(0.5, size=sizes[1])
        for alternative in ("two-sided", "greater", "less"):
            wanted = stats.mannwhitneyu(a, b, alternative=alternative, method="exact")
            found = mann_whitney(a, b, alternative=alternative)
            assert (found.statistic, found.exact) == (wanted.statistic, True)
            assert found.p_value == pytest.approx(wanted.pvalue)


def test_mann_whitney_of_many_values_is_scipys_normal_approximation() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.normal(0, 1, 30).round(1), rng.normal(0.5, 1, 35).round(1)
    for alternative, p_value in (("two-sided", 0.015627070615926265), ("less", 0.007813535307963)):
        found = mann_whitney(a, b, alternative=alternative)  # type: ignore[arg-type]
        assert (found.statistic, found.exact) == (341, False)
        assert found.p_value == pytest.approx(p_value)


def test_mann_whitney_with_ties_counts_all_divisions() -> None:
    ranks = stats.rankdata([*SLEEP_1, *SLEEP_2])
    sums = np.array([sum(chosen) for chosen in itertools.combinations(ranks, 10)])
    far = np.abs(sums - sums.mean()) >= abs(ranks[:10].sum() - sums.mean()) - 1e-9
    assert mann_whitney(SLEEP_1, SLEEP_2).p_value == pytest.approx(far.mean())


@pytest.mark.parametrize("test", ["mann_whitney", "t", "mean"])
def test_exact_tests_keep_their_level_whatever_the_ties(test: str) -> None:
    p_values = []
    for chosen in itertools.combinations(range(9), 4):
        a, b = TIED[list(chosen)], np.delete(TIED, chosen)
        if test == "mann_whitney":
            p_values.append(mann_whitney(a, b).p_value)
        else:
            p_values.append(permutation(a, b, seed=0, statistic=test).p_value)  # type: ignore[arg-type]
    for level in np.unique(p_values):
        assert np.mean(np.array(p_values) <= level) <= level + 1e-9


def test_the_shift_interval_is_hollander_and_wolfes() -> None:
    # Their example 4.1 on permeability; R's wilcox.test(conf.int = TRUE) documents the same data.
    x = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
    y = [1.15, 0.88, 0.90, 0.74, 1.21]
    found = mann_whitney(x, y, alternative="greater")
    assert found.statistic == 35
    assert found.p_value == pytest.approx(0.1272, abs=5e-5)
    assert found.estimate == pytest.approx(0.305)
    assert found.interval is not None
    differences = np.sort(np.subtract.outer(x, y), axis=None)
    # P(U <= 7) <= 0.025 < P(U <= 8) for 10 and 5 values: the 9th difference from either end.
    assert found.interval.low == pytest.approx(differences[8])
    assert found.interval.high == pytest.approx(differences[-9])


def test_random_divisions_come_near_all_of_them() -> None:
    everything = permutation(SLEEP_1, SLEEP_2, seed=0, resamples=200_000)
    drawn = permutation(SLEEP_1, SLEEP_2, seed=3)
    assert everything.exact
    assert not drawn.exact
    assert drawn.p_value == pytest.approx(everything.p_value, abs=0.01)
    assert drawn == permutation(SLEEP_1, SLEEP_2, seed=3)
    assert drawn.p_value != permutation(SLEEP_1, SLEEP_2, seed=4).p_value


def test_permutation_of_constant_groups_is_exact_too() -> None:
    found = permutation([1, 1, 1, 1], [2, 2, 2, 2], seed=0)
    assert found.statistic == -np.inf
    assert found.p_value == pytest.approx(2 / 70)
    assert permutation([1.0, 1], [1, 1], seed=0).p_value == 1
    few = permutation([1.0, 2], [3, 4], seed=0)
    assert "cannot fall below 0.333" in few.warnings[0]


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.integers(-5, 5), min_size=2, max_size=6),
    st.lists(st.integers(-5, 5), min_size=2, max_size=6),
    st.sampled_from([1e-9, 1.0, 1e9]),
)
def test_tests_do_not_depend_on_unit_or_order(a: list[int], b: list[int], unit: float) -> None:
    first, second = np.array(a) * unit, np.array(b) * unit
    for found, mirrored in (
        (mann_whitney(a, b), mann_whitney(second[::-1], first)),
        (
            permutation(a, b, seed=0, statistic="mean"),
            permutation(second, first, seed=0, statistic="mean"),
        ),
        (permutation(a, b, seed=0), permutation(second[::-1], first, seed=0)),
    ):
        assert found.p_value == pytest.approx(mirrored.p_value)
        assert 0 < found.p_value <= 1


def test_equal_and_many_values() -> None:
    same = mann_whitney([1, 1, 1], [1, 1])
    assert same.p_value == 1
    many = mann_whitney(np.arange(4000.0), np.arange(4000.0) + 0.5)
    assert (many.estimate, many.interval) == (None, None)
    assert "not estimated" in many.warnings[0]
    assert mann_whitney([1.0] * 30, [1.0] * 30).p_value == 1


def test_refusals_name_the_argument_and_the_way_out() -> None:
    with pytest.raises(AnalysisError, match=r"b has 1 value, at least 2 are needed; add runs"):
        welch_t([1, 2], [3])
    with pytest.raises(AnalysisError, match=r"a has 1 value of 3 that is NaN.*analysis\.missing"):
        mann_whitney([1, float("nan"), 2], [3, 4])
    with pytest.raises(AnalysisError, match="do not vary"):
        welch_t([1, 1], [2, 2])
    with pytest.raises(AnalysisError, match="level is 95"):
        welch_t([1, 2], [2, 4], level=95)
    with pytest.raises(AnalysisError, match="alternative is 'bigger'; give one of 'two-sided'"):
        mann_whitney([1, 2], [2, 4], alternative="bigger")  # type: ignore[arg-type]
    with pytest.raises(AnalysisError, match="a has 2 dimensions"):
        welch_t([[1, 2]], [2, 4])
    with pytest.raises(AnalysisError, match="a is no array of numbers"):
        welch_t(["x"], [2, 4])
    with pytest.raises(AnalysisError, match="seed is -1"):
        permutation(SLEEP_1, SLEEP_2, seed=-1)
    with pytest.raises(AnalysisError, match="resamples is nan"):
        permutation(SLEEP_1, SLEEP_2, seed=0, resamples=float("nan"))  # type: ignore[arg-type]
