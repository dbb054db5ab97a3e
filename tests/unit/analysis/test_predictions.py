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

# Good and poor outcomes after an aneurysmal subarachnoid haemorrhage by three indices: the data set
# aSAH of R's package pROC (Turck et al., Intensive Care Med. 36 (2010), 107-115).
_POOR = """
0000110100 1011001011 1010000000 0010011011 0000000001 1000100010 1001110110 1111000110
1000000100 0000000000 1111110001 000
"""
_S100B = """
0.13 0.14 0.1 0.04 0.13 0.1 0.47 0.16 0.18 0.1 0.12 0.1 0.44 0.71 0.04 0.08 0.49 0.04 0.07 0.33
0.09 0.09 0.07 0.11 0.07 0.17 0.07 0.11 0.13 0.19 0.05 0.16 0.41 0.14 0.34 0.35 0.48 0.09 0.96
0.25 0.5 0.46 0.16 0.07 0.43 0.45 0.11 0.08 0.09 0.86 0.52 0.08 0.06 0.13 2.07 0.1 0.14 0.15
0.07 0.06 0.77 0.05 0.09 0.3 0.03 0.09 0.04 0.23 0.7 0.09 0.27 0.71 0.08 0.26 0.08 0.16 0.09
0.13 0.1 0.08 0.11 0.33 0.11 0.28 0.07 0.1 0.32 0.22 0.07 0.05 0.24 0.38 0.1 0.15 0.08 0.14 0.1
0.07 0.04 0.19 0.56 0.14 0.58 0.32 0.82 0.74 0.15 0.47 0.17 0.44 0.15 0.5 0.48
"""
_WFNS = """
1111325412 5255125225 2111121211 3421454142 5511241125 5212512221 5112521452 4414121421
2324214511 5422111312 5225552445 111
"""
_NDKA = """
3.01 8.54 8.09 10.42 17.4 12.75 6 13.2 15.54 6.01 15.96 17.86 5.18 8.9 13.41 20.75 11.6 16.11
32.37 54.82 32.41 49.94 40.34 9.47 6.29 12.53 6.54 6.3 80.3 12.8 9.8 9.81 9.85 18.21 5.03 14.04
21.93 8.02 7.42 8.38 6.59 9.63 13.12 7.96 14.34 41.43 7.63 7.06 12.59 13.56 3.87 9.44 7.66 12.98
419.19 27.19 22.27 9.95 21.22 11.73 10.4 58.83 6.39 11.09 12.22 13.67 17.21 22.63 12.9 9.7 21.57
8.23 72.57 15.54 10.51 10.6 14.57 5.19 9.63 4.61 21.48 17.3 12.71 9.44 11.07 19.46 10.83 5.37
11.97 7.75 9.83 10.55 28.49 8.53 12.57 12.9 46.83 11.68 12.67 9.01 9.57 34.06 11.72 14.26 47.61
11.67 24.58 10.33 13.87 15.89 22.43 6.79 13.45
"""
ASAH = {
    "poor": np.array([float(each) for each in "".join(_POOR.split())]),
    "s100b": np.array(_S100B.split(), float),
    "wfns": np.array([float(each) for each in "".join(_WFNS.split())]),
    "ndka": np.array(_NDKA.split(), float),
}


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


@pytest.mark.parametrize(
    ("a", "b", "z", "p_value", "areas", "interval"),
    [
        (
            *("s100b", "wfns", -2.208983591440907723, 0.027175782229188150),
            (0.731368563685636852, 0.823678861788617933),
            (-0.174214419249477559, -0.010406176956484617),
        ),
        (
            *("s100b", "ndka", 1.390770025735577065, 0.164295175223054479),
            (0.731368563685636852, 0.611957994579945819),
            (-0.048870606422809354, 0.287691744634191449),
        ),
        (
            *("wfns", "ndka", 2.7977759186890387433, 0.0051455797069109776),
            (0.8236788617886179331, 0.6119579945799458187),
            (0.0634011709339876439, 0.3600405634833565571),
        ),
    ],
)
def test_delong_as_proc_computes_it(
    a: str,
    b: str,
    z: float,
    p_value: float,
    areas: tuple[float, float],
    interval: tuple[float, float],
) -> None:
    # pROC 1.18.0 (R 4.2.2): roc.test(roc(outcome, a), roc(outcome, b), method="delong"), paired.
    found = delong(ASAH["poor"], ASAH[a], ASAH[b])
    assert found.areas == pytest.approx(areas, rel=1e-12)
    assert (found.test.statistic, found.test.p_value) == pytest.approx((z, p_value), rel=1e-9)
    assert found.test.interval is not None
    assert (found.test.interval.low, found.test.interval.high) == pytest.approx(interval, rel=1e-9)


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
