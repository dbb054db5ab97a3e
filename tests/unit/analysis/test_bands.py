"""Simultaneous bands: one step is Student's t, all steps are covered, seeds fix them."""

import math

import numpy as np
import pytest
from scipy import stats

from headwater.analysis.bands import difference_band, mean_band
from headwater.errors import AnalysisError

STEPS = np.arange(20)


def curves(rng: np.random.Generator, runs: int) -> np.ndarray:
    return np.asarray(rng.standard_normal((runs, STEPS.size)).cumsum(axis=1))


def test_one_step_is_students_interval() -> None:
    values = np.random.default_rng(1).normal(size=(8, 1))
    found = mean_band([0], values, seed=1, resamples=20_000)
    assert found.critical == pytest.approx(stats.t.ppf(0.975, 7), rel=0.02)
    assert found.mean[0] == pytest.approx(values.mean())


@pytest.mark.parametrize("runs", [3, 6, 40])
def test_the_band_holds_the_truth_at_all_steps(runs: int) -> None:
    rng, hits, rounds = np.random.default_rng(runs), 0, 200
    for seed in range(rounds):
        found = mean_band(STEPS, curves(rng, runs), seed=seed, resamples=300)
        hits += found.outside(0.0).size == 0
    # Monte-Carlo error, and quantiles of 300 resamples.
    assert hits / rounds > 0.95 - 3.3 * math.sqrt(0.05 * 0.95 / rounds)


def test_the_band_of_a_difference_holds_it_with_unequal_spreads() -> None:
    rng, hits, rounds = np.random.default_rng(2), 0, 200
    for seed in range(rounds):
        a, b = curves(rng, 6), 3 * curves(rng, 9)
        hits += difference_band(STEPS, a, b, seed=seed, resamples=300).outside().size == 0
    assert hits / rounds > 0.95 - 3.3 * math.sqrt(0.05 * 0.95 / rounds)


def test_the_band_is_wider_than_pointwise_and_no_wider_than_bonferroni() -> None:
    found = mean_band(STEPS, curves(np.random.default_rng(3), 10), seed=1)
    assert found.method == "Gaussian bootstrap"
    assert stats.t.ppf(0.975, 9) < found.critical <= stats.t.isf(0.025 / 20, 9)


def test_a_true_difference_is_found_where_it_is() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(12, 20)), rng.normal(size=(12, 20))
    a[:, 15:] += 5
    assert difference_band(STEPS, a, b, seed=1).outside().tolist() == [15, 16, 17, 18, 19]


def test_pairs_take_out_what_they_share() -> None:
    rng = np.random.default_rng(5)
    shared = 10 * rng.standard_normal((8, 1))
    a, b = shared + rng.normal(size=(8, 20)), shared + rng.normal(size=(8, 20)) + 4
    paired = difference_band(STEPS, a, b, seed=1, paired=True)
    assert paired.outside().size == 20
    assert difference_band(STEPS, a, b, seed=1).outside().size == 0


def test_a_seed_fixes_every_digit_and_still_steps_are_told() -> None:
    values = curves(np.random.default_rng(6), 6)
    values[:, 0] = 1
    one, same = (mean_band(STEPS, values, seed=7) for _ in range(2))
    assert (one.low.tobytes(), one.high.tobytes()) == (same.low.tobytes(), same.high.tobytes())
    assert (one.low[0], one.high[0]) == (1, 1)
    assert one.warnings == ("Runs do not vary at some steps; the band has no width there.",)
    few = mean_band(STEPS, values[:3], seed=7)
    assert (few.method, "Only 3 runs" in few.warnings[0]) == ("Bonferroni", True)
    assert mean_band([0, 1], np.ones((5, 2)), seed=0).critical == 0


def test_refusals() -> None:
    with pytest.raises(AnalysisError, match="a has 2 steps and b 3"):
        difference_band([0, 1], np.ones((3, 2)), np.ones((3, 3)), seed=0)
    with pytest.raises(AnalysisError, match="a has 3 runs and b 4; pair them"):
        difference_band([0, 1], np.ones((3, 2)), np.ones((4, 2)), seed=0, paired=True)
