"""Paired predictions: McNemar's and DeLong's published examples, definitions by brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from headwater.analysis.predictions import delong, mcnemar, mcnemar_counts
from headwater.errors import AnalysisError

# Albumin, total protein, K-G score and outcome of the patients with all three (DeLong, DeLong and
# Clarke-Pearson 1988), as printed in the example of SAS's PROC LOGISTIC.
_OVARIAN = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0
1.6 5.6 5 1  3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1
4.3 7.0 4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0  4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1
3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1
3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1
3.5 6.2 5 1  2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1
3.6 6.6 5 1
"""
OVARIAN = np.array(_OVARIAN.split(), float).reshape(-1, 4)


def test_mcnemars_example_with_and_without_correction() -> None:
    # [[794, 86], [150, 570]], as in R's documentation of mcnemar.test.
    plain = mcnemar_counts(86, 150, 1600, variant="uncorrected")
    assert plain.statistic == pytest.approx(17.3559, abs=5e-5)
    corrected = mcnemar_counts(86, 150, 1600, variant="corrected")
    assert corrected.statistic == pytest.approx(16.8178, abs=5e-5)
    assert corrected.p_value == pytest.approx(4.115e-05, abs=5e-9)
    # statsmodels 0.15.0, mcnemar(exact=True).
    assert mcnemar_counts(86, 150, 1600).p_value == pytest.approx(3.7159361395713866e-05)
    assert corrected.estimate == pytest.approx(-0.04)


def test_mid_p_takes_off_half_of_the_observed_chance() -> None:
    exact, mid = (mcnemar_counts(3, 9, 50, variant=v) for v in ("exact", "mid-p"))
    assert exact.p_value - mid.p_value == pytest.approx(stats.binom.pmf(3, 12, 0.5))
    same = mcnemar_counts(4, 4, 50, variant="mid-p")
    assert same.p_value == pytest.approx(1 - stats.binom.pmf(4, 8, 0.5))


def test_counts_come_from_the_examples() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.random(200) < 0.8, rng.random(200) < 0.7
    assert mcnemar(a, b) == mcnemar_counts(int((a & ~b).sum()), int((b & ~a).sum()), 200)
    assert "nothing tells them apart" in mcnemar(a, a).warnings[0]
    assert mcnemar(a, a).p_value == 1


def test_delongs_example_as_sas_prints_it() -> None:
    albumin, protein, score, outcome = OVARIAN.T
    positive, kg = 1 - outcome, -score
    found = delong(positive, -albumin, score)
    assert found.areas == pytest.approx((0.7366, 0.7258), abs=5e-5)
    errors = np.sqrt(np.diag(found.covariance))
    assert errors == pytest.approx((0.0927, 0.1028), abs=5e-5)
    test = found.test
    assert (test.estimate, test.standard_error) == pytest.approx((0.0108, 0.0953), abs=5e-5)
    assert test.statistic**2 == pytest.approx(0.0127, abs=5e-5)
    assert test.p_value == pytest.approx(0.9102, abs=5e-5)
    other = delong(positive, -protein, -kg)
    assert other.areas[0] == pytest.approx(0.6478, abs=5e-5)
    assert (other.test.estimate, other.test.p_value) == pytest.approx((-0.0780, 0.4561), abs=5e-5)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000))
def test_delong_is_its_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.array([1, 1, 0, 0, *rng.integers(0, 2, 12)])
    scores = rng.integers(0, 6, (2, 16)) + 0.0
    found = delong(labels, *scores)
    wins = []
    for row in scores:
        x, y = row[labels == 1], row[labels == 0]
        wins.append((np.sign(np.subtract.outer(x, y)) + 1) / 2)
    above, below = np.array([w.mean(1) for w in wins]), np.array([w.mean(0) for w in wins])
    covariance = np.cov(above) / above.shape[1] + np.cov(below) / below.shape[1]
    assert found.areas == pytest.approx([w.mean() for w in wins])
    assert np.array(found.covariance) == pytest.approx(covariance)
    assert delong(labels, scores[1], scores[0]).test.statistic == pytest.approx(
        -found.test.statistic
    )


def test_scores_of_one_order_do_not_differ() -> None:
    labels, scores = [0, 1, 0, 1], [0.1, 0.2, 0.3, 0.9]
    found = delong(labels, scores, np.exp(scores))
    assert (found.test.statistic, found.test.p_value) == (0, 1)
    assert "variance is zero" in found.test.warnings[0]


def test_refusals() -> None:
    with pytest.raises(AnalysisError, match="labels has 1 positives and 2 negatives"):
        delong([1, 0, 0], [1, 2, 3], [1, 2, 3])
    with pytest.raises(AnalysisError, match="labels holds other values than 0 and 1"):
        delong([1, 2, 0], [1, 2, 3], [1, 2, 3])
    with pytest.raises(AnalysisError, match="scores have 3 values for 4 labels"):
        delong([1, 1, 0, 0], [1, 2, 3], [1, 2, 3])
    with pytest.raises(AnalysisError, match="correct_a has 2 examples and correct_b 3"):
        mcnemar([1, 0], [1, 0, 1])
    with pytest.raises(AnalysisError, match="do not fit"):
        mcnemar_counts(5, 6, 10)
