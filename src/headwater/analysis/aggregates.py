"""Performance over many tasks with few runs each: interquartile mean, optimality gap, profiles.

Scores are tables with a row for each run and a column for each task, normalised so that tasks
compare (say 0 for chance, 1 for a reference), more being better. Intervals resample the runs of
every task by themselves. Source: Agarwal et al., Deep Reinforcement Learning at the Edge of the
Statistical Precipice, NeurIPS 2021.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from headwater.analysis.bootstrap import Bootstrap, bootstrap
from headwater.analysis.inputs import fraction, generator, one_of, sample, table, whole
from headwater.analysis.result import Interval
from headwater.entities.metric import Float64s
from headwater.errors import AnalysisError

Aggregate = Literal["iqm", "mean", "median", "optimality_gap"]


@dataclass(frozen=True, eq=False)
class Profile:
    """The share of runs whose score exceeds each threshold, over all tasks."""

    thresholds: Float64s
    share: Float64s
    low: Float64s
    high: Float64s
    level: float
    """Of the pointwise percentile intervals ``low`` to ``high``."""

    resamples: int
    seed: int


@dataclass(frozen=True)
class Improvement:
    """How likely a run of x beats one of y on a task drawn at random."""

    estimate: float
    interval: Interval
    by_task: tuple[float, ...]
    resamples: int
    seed: int


def interquartile_mean(scores: ArrayLike) -> float:
    """Return the mean of the middle half of all scores: a quarter of them is cut at each end.

    A quarter is rounded down to a whole number of scores, as rliable and ``trim_mean`` do.
    """
    return float(_reduced(table("scores", scores, 1, 1).ravel()[None], "iqm", 1, 1.0)[0])


def optimality_gap(scores: ArrayLike, *, target: float = 1.0) -> float:
    """Return how far scores fall short of ``target`` on average; what exceeds it counts as it."""
    values = table("scores", scores, 1, 1)
    return float(_reduced(values.ravel()[None], "optimality_gap", 1, target)[0])


def aggregate(
    scores: ArrayLike,
    *,
    seed: int,
    aggregate: Aggregate = "iqm",
    target: float = 1.0,
    level: float = 0.95,
    resamples: int = 9999,
) -> Bootstrap:
    """Return an aggregate with a percentile interval that is stratified by task.

    ``mean`` and ``median`` are of the tasks' mean scores; ``target`` is of the optimality gap.
    """
    one_of("aggregate", aggregate, Aggregate)
    values = table("scores", scores, 2, 1)
    runs, tasks = values.shape

    def statistic(flat: Float64s, axis: int) -> Float64s:
        assert axis == -1
        return _reduced(flat, aggregate, runs, target)

    return bootstrap(
        statistic,
        values.T.ravel(),
        seed=seed,
        strata=np.repeat(np.arange(tasks), runs),
        method="percentile",
        level=level,
        resamples=resamples,
    )


def performance_profile(
    scores: ArrayLike,
    thresholds: ArrayLike,
    *,
    seed: int,
    level: float = 0.95,
    resamples: int = 2000,
) -> Profile:
    """Return F(τ) = mean over tasks and runs of [score > τ] for each threshold τ."""
    columns = list(table("scores", scores, 2, 1).T)
    return profile_of_tasks(columns, thresholds, seed=seed, level=level, resamples=resamples)


def profile_of_tasks(
    tasks: Sequence[ArrayLike],
    thresholds: ArrayLike,
    *,
    seed: int,
    level: float = 0.95,
    resamples: int = 2000,
) -> Profile:
    """Return ``performance_profile`` of tasks whose numbers of runs differ, each counting alike.

    Of one task it is the share of runs above each threshold: the survival function. Resampling a
    task's runs changes only how many lie between two thresholds, which is multinomial.
    """
    if not len(tasks):
        raise AnalysisError("tasks is empty; give the scores of one task or more.")
    values, taus = [sample("tasks", each, 1) for each in tasks], sample("thresholds", thresholds, 1)
    fraction("level", level)
    whole("resamples", resamples, 99)
    rng, order = generator(seed), np.argsort(taus, kind="stable")
    share, drawn = np.zeros(taus.size), np.zeros((resamples, taus.size))
    for each in values:
        upto = np.searchsorted(np.sort(each), taus[order], side="right")
        between = np.diff(upto, prepend=0, append=each.size) / each.size
        share[order] += (each.size - upto) / each.size
        found = rng.multinomial(each.size, between, resamples)[:, :-1]
        drawn[:, order] += (each.size - np.cumsum(found, axis=1)) / each.size
    share /= len(values)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0) / len(values)
    # Where nothing varies, rounding may have them the other way round.
    low, high = np.minimum(low, share), np.maximum(high, share)
    return Profile(taus, share, low, high, level, resamples, seed)


def improvement_over_tasks(
    x: ArrayLike, y: ArrayLike, *, seed: int, level: float = 0.95, resamples: int = 2000
) -> Improvement:
    """Return the mean over tasks of P(x > y) + P(x = y)/2, with a stratified interval."""
    first, second = table("x", x, 1, 1), table("y", y, 1, 1)
    fraction("level", level)
    whole("resamples", resamples, 99)
    if first.shape[1] != second.shape[1]:
        raise AnalysisError(
            f"x has {first.shape[1]} tasks and y {second.shape[1]}; give columns of the same tasks."
        )
    # Of shape (tasks, runs of x, runs of y).
    wins = (np.sign(first.T[:, :, None] - second.T[:, None, :]) + 1) / 2
    rng, tasks = generator(seed), first.shape[1]
    ours = _weights(rng, resamples, first.shape).reshape(resamples, tasks, -1)
    theirs = _weights(rng, resamples, second.shape).reshape(resamples, tasks, -1)
    found = np.einsum("bti,tij,btj->b", ours, wins, theirs, optimize=True) / wins.size
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return Improvement(
        float(wins.mean()),
        Interval(float(low), float(high), level, "stratified percentile bootstrap"),
        tuple(map(float, wins.mean(axis=(1, 2)))),
        resamples,
        seed,
    )


def _reduced(flat: Float64s, aggregate: Aggregate, runs: int, target: float) -> Float64s:
    """Aggregate each row of scores, which stand task by task."""
    if aggregate == "iqm":
        return np.asarray(stats.trim_mean(flat, 0.25, axis=-1), np.float64)
    if aggregate == "optimality_gap":
        return np.asarray(target - np.minimum(flat, target).mean(axis=-1))
    by_task = flat.reshape(flat.shape[0], -1, runs).mean(axis=-1)
    return np.asarray(by_task.mean(axis=-1) if aggregate == "mean" else np.median(by_task, axis=-1))


def _weights(rng: np.random.Generator, resamples: int, shape: tuple[int, ...]) -> Float64s:
    """Return how often each run is drawn, task by task: resamples x (tasks * runs)."""
    runs, tasks = shape
    drawn = rng.multinomial(runs, np.full(runs, 1 / runs), (resamples, tasks))
    return np.asarray(drawn.reshape(resamples, -1), np.float64)
