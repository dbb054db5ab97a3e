"""Pairs: known answers, exactness by enumeration, refusals."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from tests.unit.analysis.data import SLEEP_1, SLEEP_2

from headwater.analysis.paired import (
    corrected_resampled_t,
    paired_t,
    sign_flips,
    sign_test,
    wilcoxon,
)
from headwater.errors import AnalysisError


def test_paired_t_on_the_sleep_data_as_r_prints_it() -> None:
    found = paired_t(SLEEP_1, SLEEP_2)
    assert found.statistic == pytest.approx(-4.0621, abs=5e-5)
    assert (found.df, found.sizes) == ((9.0,), (10,))
    assert found.p_value == pytest.approx(0.002833, abs=5e-7)
    assert found.interval is not None
    assert found.interval.low == pytest.approx(-2.4598858, abs=5e-8)
    assert found.interval.high == pytest.approx(-0.7001142, abs=5e-8)


def test_corrected_resampled_t_widens_the_error() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(0.8, 0.02, 100), rng.normal(0.79, 0.02, 100)
    plain, corrected = paired_t(a, b), corrected_resampled_t(a, b, test_share=1 / 9)
    # Of ten times tenfold cross-validation: 1/100 becomes 1/100 + 1/9.
    assert corrected.statistic == pytest.approx(plain.statistic / math.sqrt(1 + 100 / 9))
    assert corrected.df == plain.df
    assert corrected.p_value > plain.p_value


def test_wilcoxon_agrees_with_scipy_without_ties() -> None:
    rng = np.random.default_rng(1)
    for size in (1, 5, 12, 30):
        a, b = rng.normal(size=size), rng.normal(0.5, size=size)
        for alternative in ("two-sided", "greater", "less"):
            wanted = stats.wilcoxon(a, b, alternative=alternative, method="exact")
            found = wilcoxon(a, b, alternative=alternative)
            assert found.p_value == pytest.approx(wanted.pvalue)


def test_wilcoxon_of_many_pairs_is_scipys_normal_approximation() -> None:
    rng = np.random.default_rng(6)
    a, b = rng.normal(0, 1, 80).round(1), rng.normal(0.2, 1, 80).round(1)
    assert (a == b).any()
    for zeros in ("pratt", "wilcox"):
        wanted = stats.wilcoxon(a, b, zero_method=zeros, correction=True, method="asymptotic")
        found = wilcoxon(a, b, zeros=zeros)
        assert found.p_value == pytest.approx(wanted.pvalue)
        assert found.warnings[-1].endswith(f"differences are zero (method: {zeros}).")


def test_hollander_and_wolfes_example_of_signed_ranks() -> None:
    # Their example 3.1 (Hamilton depression scale), also in R's documentation of wilcox.test.
    x = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
    y = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
    found = wilcoxon(x, y, alternative="greater")
    assert (found.statistic, found.exact) == (40, True)
    assert found.p_value == pytest.approx(0.01953, abs=5e-6)
    assert found.estimate == pytest.approx(0.46)


@pytest.mark.parametrize("zeros", ["pratt", "wilcox"])
def test_wilcoxon_with_ties_and_zeros_counts_all_signs(zeros: str) -> None:
    differences = np.array([0.0, 1, 1, -1, 2, 3, -3, 5])
    kept = differences if zeros == "pratt" else differences[differences != 0]
    ranks = stats.rankdata(np.abs(kept))[kept != 0]
    sums = np.array([np.dot(s, ranks) for s in itertools.product([0, 1], repeat=ranks.size)])
    observed = ranks[kept[kept != 0] > 0].sum()
    far = np.abs(sums - sums.mean()) >= abs(observed - sums.mean()) - 1e-9
    found = wilcoxon(differences, 0 * differences, zeros=zeros)  # type: ignore[arg-type]
    assert found.p_value == pytest.approx(far.mean())


@pytest.mark.parametrize("test", ["wilcoxon", "sign", "flips"])
def test_exact_tests_keep_their_level_whatever_the_ties(test: str) -> None:
    sizes = np.array([0.5, 1, 1, 1, 2, 2, 4, 9])
    p_values = []
    for signs in itertools.product([1, -1], repeat=8):
        a = sizes * signs
        if test == "wilcoxon":
            p_values.append(wilcoxon(a, 0 * a).p_value)
        elif test == "sign":
            p_values.append(sign_test(a, 0 * a).p_value)
        else:
            p_values.append(sign_flips(a, 0 * a, seed=0).p_value)
    for level in np.unique(p_values):
        assert np.mean(np.array(p_values) <= level) <= level + 1e-9


def test_sign_test_is_binomial_and_tells_of_equal_pairs() -> None:
    found = sign_test(SLEEP_1, SLEEP_2)
    assert found.statistic == 0
    assert found.p_value == pytest.approx(2 / 2**9)
    assert found.warnings == ("1 of 10 pairs are equal and take no part.",)
    # The 2nd value from either end of ten: P(binomial(10, 1/2) <= 1) = 0.0107.
    assert found.interval is not None
    differences = np.sort(np.subtract(SLEEP_1, SLEEP_2))
    assert (found.interval.low, found.interval.high) == (differences[1], differences[-2])
    assert sign_test([1, 2], [1, 2]).p_value == 1


def test_random_flips_come_near_all_of_them() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(0.5, 1, 16), rng.normal(0, 1, 16)
    everything = sign_flips(a, b, seed=0, resamples=100_000)
    drawn = sign_flips(a, b, seed=1)
    assert (everything.exact, drawn.exact) == (True, False)
    assert drawn.p_value == pytest.approx(everything.p_value, abs=0.012)
    assert drawn == sign_flips(a, b, seed=1)


def test_few_pairs_have_no_distribution_free_interval() -> None:
    found = wilcoxon([1, 2, 3], [0, 0, 0])
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (-math.inf, math.inf)
    assert any("no distribution-free interval" in warning for warning in found.warnings)


def test_pairs_that_are_all_equal_show_nothing() -> None:
    found = wilcoxon([1, 2, 3], [1, 2, 3])
    assert (found.p_value, found.estimate) == (1, 0)
    assert found.warnings[-1] == "3 of 3 differences are zero (method: pratt)."
    assert sign_flips([1, 2, 3], [1, 2, 3], seed=0).p_value == 1


def test_refusals() -> None:
    with pytest.raises(AnalysisError, match="a has 3 values and b 2; a paired analysis"):
        paired_t([1, 2, 3], [1, 2])
    with pytest.raises(AnalysisError, match="the same in every pair"):
        paired_t([1.1, 2.1, 3.1], [1, 2, 3])
    with pytest.raises(AnalysisError, match="test_share is 0"):
        corrected_resampled_t(SLEEP_1, SLEEP_2, test_share=0)
