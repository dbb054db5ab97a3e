"""Aggregates over tasks: rliable's definitions and values."""

import numpy as np
import pytest

from headwater.analysis.aggregates import (
    aggregate,
    improvement_over_tasks,
    interquartile_mean,
    optimality_gap,
    performance_profile,
    profile_of_tasks,
)
from headwater.errors import AnalysisError

X = [
    [0.625, 0.897, 0.776, 0.225],
    [0.3, 0.874, 0.005, 0.821],
    [0.797, 0.468, 0.303, 0.278],
    [0.255, 0.445, 0.505, 0.553],
    [0.996, 0.793, 0.622, 0.989],
]
Y = [[0.327, 0.987, 0.319, 0.789], [0.87, 0.391, 0.438, 0.373], [0.107, 0.479, 0.241, 0.257]]


def test_rliables_unit_case_of_improvement() -> None:
    found = improvement_over_tasks(
        [[1, 2], [2, 2], [1, 1], [2, 1]], [[1, 1], [2, 2], [3, 3]], seed=1
    )
    assert found.estimate == pytest.approx(1 / 3)
    assert found.by_task == pytest.approx((1 / 3, 1 / 3))
    assert found.estimate in found.interval


def test_as_rliable_computes_them() -> None:
    # rliable 1.2.0: aggregate_iqm, aggregate_optimality_gap(gamma=0.7), aggregate_median,
    # aggregate_mean, probability_of_improvement.
    assert interquartile_mean(X) == pytest.approx(0.5887)
    assert optimality_gap(X, target=0.7) == pytest.approx(0.1908)
    assert aggregate(X, aggregate="median", seed=0).estimate == pytest.approx(0.5839)
    assert aggregate(X, aggregate="mean", seed=0).estimate == pytest.approx(0.57635)
    assert aggregate(X, seed=0).estimate == pytest.approx(0.5887)
    assert improvement_over_tasks(X, Y, seed=0).estimate == pytest.approx(0.6)


def test_intervals_are_stratified_by_task() -> None:
    rng = np.random.default_rng(1)
    scores = np.arange(6) * 100 + rng.normal(size=(8, 6))
    found = aggregate(scores, aggregate="mean", seed=0)
    assert found.standard_error == pytest.approx(
        np.sqrt(scores.var(axis=0).mean() / scores.size), rel=0.04
    )


def test_a_profile_resamples_the_runs_of_each_task() -> None:
    tasks = [[0.1, 0.5, 0.9, 0.9], [0.2, 0.4], [0.3, 0.3, 0.8]]
    taus = [0.85, 0.35, 0.3, -1.0]
    found = profile_of_tasks(tasks, taus, seed=3, resamples=20_000)
    shares = np.array([[np.mean(np.array(task) > tau) for task in tasks] for tau in taus])
    assert found.share == pytest.approx(shares.mean(axis=1))
    rng = np.random.default_rng(0)
    again = [
        [[np.mean(rng.choice(task, len(task)) > tau) for task in tasks] for tau in taus]
        for _ in range(3_000)
    ]
    low, high = np.quantile(np.mean(again, axis=2), [0.025, 0.975], axis=0)
    # In steps of a twelfth of a third.
    assert found.low == pytest.approx(low, abs=0.09)
    assert found.high == pytest.approx(high, abs=0.09)
    with pytest.raises(AnalysisError, match="tasks is empty"):
        profile_of_tasks([], taus, seed=3)


def test_a_profile_falls_from_one_to_zero() -> None:
    taus = np.linspace(-0.1, 1.1, 25)
    found = performance_profile(X, taus, seed=1)
    assert found.share == pytest.approx([float((np.array(X) > tau).mean()) for tau in taus])
    assert (found.share[0], found.share[-1]) == (1, 0)
    assert (found.low <= found.share).all()
    assert (found.share <= found.high).all()
    again = performance_profile(X, taus, seed=1)
    assert (again.low.tobytes(), again.high.tobytes()) == (
        found.low.tobytes(),
        found.high.tobytes(),
    )


def test_the_spread_of_improvement_is_that_of_resampled_runs() -> None:
    rng = np.random.default_rng(4)
    x, y = np.array(X), np.array(Y)
    drawn = []
    for _ in range(1000):
        ours = np.take_along_axis(x, rng.integers(0, 5, x.shape), 0)
        theirs = np.take_along_axis(y, rng.integers(0, 3, y.shape), 0)
        wins = ours[:, None] > theirs[None]
        drawn.append(wins.mean() + (ours[:, None] == theirs[None]).mean() / 2)
    low, high = np.quantile(drawn, [0.025, 0.975])
    found = improvement_over_tasks(x, y, seed=1).interval
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.04)


def test_refusals() -> None:
    with pytest.raises(AnalysisError, match="x has 4 tasks and y 2"):
        improvement_over_tasks(X, [[1, 2]], seed=0)
    with pytest.raises(AnalysisError, match="scores has 1 value of 4 that is NaN"):
        interquartile_mean([[1.0, 2.0], [3.0, float("nan")]])
    with pytest.raises(AnalysisError, match="aggregate is 'max'"):
        aggregate(X, aggregate="max", seed=0)  # type: ignore[arg-type]
