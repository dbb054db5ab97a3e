"""Holm and Benjamini-Hochberg: values of statsmodels, and what they promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.analysis.multiplicity import benjamini_hochberg, holm
from headwater.errors import AnalysisError

P_VALUES = [0.01, 0.04, 0.03, 0.005, 0.2, 0.04]
probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_as_statsmodels_adjusts() -> None:
    # statsmodels 0.15.0, multipletests(method="holm") and (method="fdr_bh").
    assert holm(P_VALUES).adjusted == pytest.approx([0.05, 0.12, 0.12, 0.03, 0.2, 0.12])
    found = benjamini_hochberg(P_VALUES)
    assert found.adjusted == pytest.approx([0.03, 0.048, 0.048, 0.03, 0.2, 0.048])
    assert found.rejected == (True, True, True, True, False, True)


@settings(deadline=None, max_examples=50)
@given(probabilities)
def test_adjusting_never_lowers_and_keeps_the_order(given_values: list[float]) -> None:
    for found in (holm(given_values), benjamini_hochberg(given_values)):
        adjusted = np.array(found.adjusted)
        assert (adjusted >= np.array(given_values) - 1e-15).all()
        assert adjusted.max() <= 1
        assert (np.diff(adjusted[np.argsort(given_values, kind="stable")]) >= -1e-12).all()


@settings(deadline=None, max_examples=50)
@given(probabilities)
def test_holm_is_never_bolder_than_benjamini_hochberg(given_values: list[float]) -> None:
    strict, loose = holm(given_values), benjamini_hochberg(given_values)
    assert (np.array(strict.adjusted) >= np.array(loose.adjusted) - 1e-12).all()


def test_error_rates_under_the_null_are_kept() -> None:
    p_values = np.random.default_rng(1).random((2000, 8))
    # Of independent true nulls both control the chance of any rejection.
    for adjust in (holm, benjamini_hochberg):
        found = np.mean([any(adjust(row).rejected) for row in p_values])
        assert found == pytest.approx(0.05, abs=0.017)


def test_refusals() -> None:
    with pytest.raises(AnalysisError, match="outside of 0 to 1"):
        holm([0.1, 1.2])
    with pytest.raises(AnalysisError, match="alpha is 5"):
        holm([0.1], alpha=5)
