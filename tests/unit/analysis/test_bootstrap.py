"""Bootstrap intervals beside scipy's, strata, determinism."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from headwater.analysis.bootstrap import bootstrap, mean_difference
from headwater.errors import AnalysisError

_RNG = np.random.default_rng(5)
A, B = _RNG.normal(0, 1, 30).round(1), _RNG.normal(0.5, 1, 35).round(1)
SKEWED = np.random.default_rng(1).exponential(size=25)


def _ratio(x: Any, y: Any, axis: int) -> Any:
    return x.mean(axis=axis) / y.mean(axis=axis)


def test_bca_of_a_mean_as_scipy_computes_it() -> None:
    wanted = stats.bootstrap((SKEWED,), np.mean, method="BCa", n_resamples=20_000, random_state=1)
    found = bootstrap(np.mean, SKEWED, seed=1, resamples=20_000)
    near = wanted.standard_error / 15
    assert found.interval.low == pytest.approx(wanted.confidence_interval.low, abs=near)
    assert found.interval.high == pytest.approx(wanted.confidence_interval.high, abs=near)
    assert found.standard_error == pytest.approx(wanted.standard_error, rel=0.03)
    # Skewed values: the interval reaches further up than down.
    assert found.interval.high - found.estimate > found.estimate - found.interval.low


def test_bca_of_two_samples_and_of_pairs_as_scipy_computes_it() -> None:
    shifted, other = B[:30] + 5, A + 5
    for paired in (False, True):
        wanted = stats.bootstrap(
            (shifted, other), _ratio, method="BCa", paired=paired, n_resamples=5000, random_state=1
        )
        found = bootstrap(_ratio, shifted, other, seed=1, paired=paired, resamples=5000)
        near = wanted.standard_error / 8
        assert found.interval.low == pytest.approx(wanted.confidence_interval.low, abs=near)
        assert found.interval.high == pytest.approx(wanted.confidence_interval.high, abs=near)


def test_strata_take_out_what_lies_between_them() -> None:
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1, 2], 10)
    values = labels * 10 + rng.normal(size=30)
    plain = bootstrap(np.mean, values, seed=1)
    stratified = bootstrap(np.mean, values, seed=1, strata=labels)
    within = np.mean([values[labels == i].var() for i in range(3)])
    assert stratified.standard_error == pytest.approx(np.sqrt(within / 30), rel=0.04)
    assert plain.standard_error > 5 * stratified.standard_error


def test_a_seed_fixes_every_digit() -> None:
    first = mean_difference(A, B, seed=3)
    assert first == mean_difference(A, B, seed=3)
    assert first.interval != mean_difference(A, B, seed=4).interval
    assert first.estimate == pytest.approx(A.mean() - B.mean())
    assert (first.seed, first.resamples, first.sizes) == (3, 9999, (30, 35))


def test_few_or_constant_values_are_told() -> None:
    assert "too narrow" in mean_difference([1, 2, 4], [2, 3, 5], seed=0).warnings[-1]
    constant = bootstrap(np.mean, np.ones(12), seed=0)
    assert (constant.interval.low, constant.interval.high, constant.standard_error) == (1, 1, 0)


def test_refusals() -> None:
    with pytest.raises(AnalysisError, match="reduce the last axis"):
        bootstrap(lambda x, axis: x, A, seed=0)
    with pytest.raises(AnalysisError, match="a stratum of one value"):
        bootstrap(np.mean, [1, 2, 3], seed=0, strata=["a", "a", "b"])
    with pytest.raises(AnalysisError, match="strata needs one sample or paired"):
        bootstrap(_ratio, A, A, seed=0, strata=np.zeros(30))
    with pytest.raises(AnalysisError, match="strata must hold 30 labels"):
        bootstrap(np.mean, A, seed=0, strata=[1, 2])
    with pytest.raises(AnalysisError, match="samples is empty"):
        bootstrap(np.mean, seed=0)
    with pytest.raises(AnalysisError, match="resamples is 10"):
        bootstrap(np.mean, A, seed=0, resamples=10)
    with pytest.raises(AnalysisError, match="a has 30 values and b 35"):
        bootstrap(_ratio, A, B, seed=0, paired=True)
