"""Methods over data sets: Demšar's worked example, scikit-posthocs, cliques."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from headwater.analysis.multiplicity import holm
from headwater.analysis.paired import wilcoxon
from headwater.analysis.ranks import (
    critical_difference,
    friedman,
    nemenyi_difference,
    post_hoc,
    rank_rows,
    versus_control,
)
from headwater.errors import AnalysisError

DEMSAR = np.array(
    [
        [4, 3, 2, 1],
        [1, 2, 3, 4],
        [4, 1, 2, 3],
        [4, 1, 3, 2],
        [4, 2, 3, 1],
        [1, 2.5, 4, 2.5],
        [3, 2, 4, 1],
        [2.5, 2.5, 4, 1],
        [4, 3, 2, 1],
        [2.5, 2.5, 2.5, 2.5],
        [4, 2.5, 1, 2.5],
        [3, 2, 4, 1],
        [4, 1, 2, 3],
        [3, 1, 4, 2],
    ]
)
"""Ranks of table 6 of Demšar, JMLR 7 (2006): C4.5, with m, with cf, with both, on 14 data sets."""

_SCORES = """
0.8072 0.8961 0.8393 0.683 0.691 0.8692 0.6032 0.864 0.8464 0.7631 0.7125 0.7017 0.6713 0.7481
0.787 0.8703 0.8174 0.6628 0.6803 0.854 0.6122 0.8383 0.8388 0.7492 0.6851 0.6824 0.6776 0.7342
0.7826 0.8692 0.8395 0.6576 0.6918 0.8621 0.6009 0.868 0.8403 0.7357 0.6909 0.684 0.6764 0.7344
0.7873 0.8272 0.82 0.654 0.6747 0.8446 0.6228 0.8423 0.85 0.7387 0.7216 0.6438 0.6898 0.7164
"""
SCORES = np.array(_SCORES.split(), float).reshape(4, -1)
"""Of methods a to d on 14 data sets, made up."""

BLOCKS = np.array(
    [[31, 27, 24], [31, 28, 31], [45, 29, 46], [21, 18, 48], [42, 36, 46], [32, 17, 40]]
)


def test_demsars_friedman_and_iman_davenport() -> None:
    found = friedman(DEMSAR, higher_is_better=False, seed=0, correct_ties=False)
    assert found.mean_ranks == pytest.approx((3.143, 2.000, 2.893, 1.964), abs=5e-4)
    assert found.chi_squared.statistic == pytest.approx(9.2786, abs=5e-5)
    assert found.iman_davenport.statistic == pytest.approx(3.6863, abs=5e-5)
    assert found.iman_davenport.df == (3, 39)
    assert found.iman_davenport.p_value < 0.05


def test_demsars_critical_differences() -> None:
    assert nemenyi_difference(4, 14) == pytest.approx(1.2536, abs=5e-5)
    assert nemenyi_difference(4, 14, alpha=0.1) == pytest.approx(1.118, abs=5e-4)
    # His conclusions from them: none at 5 %; C4.5 is worse than both with m at 10 %.
    names = ["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"]
    at_5 = critical_difference(names, DEMSAR, higher_is_better=False)
    assert at_5.cliques == (("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"),)
    at_10 = critical_difference(names, DEMSAR, higher_is_better=False, alpha=0.1)
    assert at_10.cliques == (("C4.5+m+cf", "C4.5+m", "C4.5+cf"), ("C4.5+cf", "C4.5"))
    assert at_10.names == ("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5")
    assert at_10.difference == pytest.approx(1.118, abs=5e-4)


def test_demsars_comparison_with_a_control() -> None:
    # Section 3.2.2: z = (3.143 - 2.000)/0.488 = 2.342 for +m and the like; Holm over three.
    z = np.abs(np.array([2.000, 2.892857, 1.964286]) - 3.142857) / math.sqrt(4 * 5 / (6 * 14))
    found = versus_control(DEMSAR, control=0, higher_is_better=False)
    assert found[0] is None
    assert found[1:] == pytest.approx(holm(2 * stats.norm.sf(z)).adjusted, rel=1e-4)


def test_friedman_corrects_for_ties_as_scipy_does() -> None:
    wanted = stats.friedmanchisquare(*DEMSAR.T)
    found = friedman(DEMSAR, higher_is_better=False, seed=0).chi_squared
    assert (found.statistic, found.p_value) == pytest.approx((wanted.statistic, wanted.pvalue))


def test_friedman_of_few_rows_comes_near_all_orders() -> None:
    scores = np.array([[1.0, 2, 3], [1, 3, 2], [1, 2, 3], [2, 1, 3]])
    found = friedman(scores, higher_is_better=False, seed=1).chi_squared
    orders = list(itertools.permutations([1, 2, 3]))
    # One row may be held, as the statistic does not depend on the names of the methods.
    held = np.array(
        [
            stats.friedmanchisquare(*np.array([[1, 2, 3], *rows]).T).statistic
            for rows in itertools.product(orders, repeat=3)
        ]
    )
    assert found.p_value == pytest.approx((held >= found.statistic - 1e-9).mean(), abs=0.02)
    assert "random orders" in found.method


def test_rows_that_all_agree_are_not_certain() -> None:
    # F is infinite; the chance of such agreement of four rows is 1/6³, not 0.
    found = friedman([[1, 2, 3]] * 4, higher_is_better=True, seed=0).iman_davenport
    assert found.statistic == math.inf
    assert found.p_value == pytest.approx(6**-3, rel=0.5)


def test_post_hoc_tests_as_scikit_posthocs_computes_them() -> None:
    # scikit-posthocs 0.17.1 on the example of its documentation.
    upper = np.triu_indices(3, 1)
    nemenyi = np.array(post_hoc(BLOCKS, method="nemenyi", higher_is_better=True).p_values)
    wanted = [0.14553486869064602, 0.8322292181161419, 0.03760991481961706]
    assert nemenyi[upper] == pytest.approx(wanted, abs=1e-4)
    conover = np.array(post_hoc(BLOCKS, method="conover", higher_is_better=True).p_values)
    wanted = [0.04650304918770956, 0.4294869588639433, 0.01719690077176292]
    assert conover[upper] == pytest.approx(wanted)
    assert (conover == conover.T).all()


def test_methods_over_data_sets_as_autorank_compares_them() -> None:
    # autorank 1.3.0, autorank(DataFrame, order="descending", force_mode="nonparametric").
    found = friedman(SCORES.T, higher_is_better=True, seed=0)
    assert found.chi_squared.p_value == pytest.approx(0.05866992106410317)
    diagram = critical_difference("abcd", SCORES.T, higher_is_better=True)
    assert diagram.difference == pytest.approx(1.2535512603486423, rel=1e-5)
    assert diagram.names == ("a", "c", "d", "b")
    wanted = (1.7142857142857142, 2.5714285714285716, 2.7857142857142856, 2.9285714285714284)
    assert diagram.mean_ranks == pytest.approx(wanted)


def test_pairs_by_wilcoxon_do_not_see_other_methods() -> None:
    rng = np.random.default_rng(3)
    scores = rng.normal(size=(12, 4)) + np.array([0, 0, 1, 2])
    found = np.array(post_hoc(scores, method="wilcoxon", higher_is_better=True).p_values)
    raw = [
        wilcoxon(scores[:, i], scores[:, j]).p_value
        for i, j in zip(*np.triu_indices(4, 1), strict=True)
    ]
    assert found[np.triu_indices(4, 1)] == pytest.approx(holm(raw).adjusted)


def test_rank_one_is_the_best() -> None:
    assert rank_rows([[0.1, 0.3, 0.3]], higher_is_better=True).tolist() == [[3, 1.5, 1.5]]
    assert rank_rows([[0.1, 0.3, 0.3]], higher_is_better=False).tolist() == [[1, 2.5, 2.5]]


def test_methods_that_all_differ_have_no_clique() -> None:
    scores = np.arange(3.0) + np.zeros((40, 1))
    found = critical_difference(["a", "b", "c"], scores, higher_is_better=True)
    assert (found.names, found.cliques) == (("c", "b", "a"), ())


def test_refusals() -> None:
    with pytest.raises(AnalysisError, match="names must hold 4 distinct names"):
        critical_difference(["a", "b"], DEMSAR, higher_is_better=False)
    with pytest.raises(AnalysisError, match="tied in every row"):
        friedman([[1, 1], [2, 2]], higher_is_better=True, seed=0)
    with pytest.raises(AnalysisError, match="no error term; use method='nemenyi'"):
        post_hoc([[1, 2], [1, 2]], method="conover", higher_is_better=True)
    with pytest.raises(AnalysisError, match="control is 4"):
        versus_control(DEMSAR, control=4, higher_is_better=False)
    with pytest.raises(AnalysisError, match="method is 'tukey'"):
        post_hoc(DEMSAR, method="tukey", higher_is_better=True)  # type: ignore[arg-type]
