"""Which params matter for a metric: permutations and variances of a random forest."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from headwater.analysis.forest import Deadline, Forest, grow
from headwater.analysis.inputs import generator, whole
from headwater.analysis.param_columns import (
    ParamColumn,
    ParamValue,
    associations,
    param_columns,
    target,
    usable,
)
from headwater.analysis.variance_shares import VarianceShares
from headwater.entities.importance import Association, Importance, Interaction, ParamImportance
from headwater.entities.metric import Float64s
from headwater.errors import AnalysisError

LEAST_RUNS = 10
_FEW_RUNS = 50
_LITTLE = 0.3
"""Out-of-bag R² below which importances say little."""

_IN_PAIRS = 5
"""Params whose pairs are looked at."""

_NAMED = 5
"""Pairs of params that one warning names."""

_LEVEL = (0.025, 0.975)


def importance(
    params: Mapping[str, Sequence[ParamValue]],
    values: Sequence[float],
    *,
    metric: str = "metric",
    trees: int = 100,
    seed: int = 0,
    seconds: float | None = None,
) -> Importance:
    """Say which params a metric depends on, by a random forest that is fitted to the runs.

    `params` holds for each name a value of each run, None where a run lacks it; `values` the metric
    of the runs, of which NaN and infinities are left out and counted. Two measures are given, as
    they fail in different ways: the growth of the error out of bag when a param is permuted
    (Breiman 2001), which holds all effects of a param, and its own share of the variance of each
    tree (Hutter et al. 2014), with the shares of pairs. Both weigh the values of a param as often
    as runs have them. The forest knows the order of numbers only, so that scales do not matter.

    Intervals hold 95 % of the trees: they say how far the trees, each of a sample of the runs,
    agree, and are no confidence intervals.

    Raises:
        AnalysisError: fewer than 10 usable runs, no param or metric that varies, or it took longer
            than `seconds`.
        ConfigurationError: scikit-learn is not installed.
    """
    whole("trees", trees, 10)
    rng, deadline = generator(seed), Deadline(seconds)
    finite = usable(values)
    y = target(np.asarray(values, np.float64)[finite], LEAST_RUNS)
    kept = np.flatnonzero(finite).tolist()
    for name, column in params.items():
        if len(column) != finite.size:
            raise AnalysisError(
                f"{name} has {len(column)} values for {finite.size} runs; give one of each, None "
                "where a run has none."
            )
    columns, left_out = param_columns(
        {name: [column[place] for place in kept] for name, column in params.items()}, y.size
    )
    if not columns:
        raise AnalysisError(
            "no param varies in a way that can be looked at; "
            + ("the runs have none." if not left_out else f"{left_out[0].param}: see its values.")
        )
    together = associations(columns)
    deadline.check()
    forest = grow(np.stack([each.ranks for each in columns], axis=1), y, trees, rng, deadline)
    r_squared = _r_squared(forest, y)
    found, pairs = _measured(columns, forest, deadline)
    unusable = int(finite.size - y.size)
    return Importance(
        metric,
        int(y.size),
        unusable,
        r_squared,
        tuple(found),
        tuple(pairs),
        tuple(left_out),
        tuple(together),
        trees,
        seed,
        tuple(_warnings(r_squared, columns, together, y.size, unusable)),
    )


def _r_squared(forest: Forest, y: Float64s) -> float:
    known = np.isfinite(forest.out_of_bag)
    error = ((y[known] - forest.out_of_bag[known]) ** 2).mean()
    return float(1 - error / y[known].var())


def _measured(
    columns: Sequence[ParamColumn], forest: Forest, deadline: Deadline
) -> tuple[list[ParamImportance], list[Interaction]]:
    weights = [np.bincount(each.ranks) / each.ranks.size for each in columns]
    shares = []
    for tree in forest.trees:
        deadline.check()
        divided = VarianceShares(tree.boxes(), weights)
        # Of a tree without a split there is nothing to divide.
        shares.append(divided.single / (divided.total or np.inf))
    single = np.stack(shares)
    permutation = np.stack([tree.permutation for tree in forest.trees])
    found = [
        ParamImportance(
            column.name,
            *_spread(permutation[:, place]),
            *_spread(single[:, place]),
            column.kind,
            column.scale,
            column.distinct,
            column.absent,
        )
        for place, column in enumerate(columns)
    ]
    # The most important by either measure, so that a param that acts in pairs only is there too.
    ranked = np.argsort(-np.maximum(single.mean(axis=0), permutation.mean(axis=0)), kind="stable")
    return (
        sorted(found, key=lambda each: (-each.permutation, -each.variance, each.param)),
        _interactions(columns, forest, weights, sorted(ranked[:_IN_PAIRS].tolist()), deadline),
    )


def _interactions(
    columns: Sequence[ParamColumn],
    forest: Forest,
    weights: list[Float64s],
    places: Sequence[int],
    deadline: Deadline,
) -> list[Interaction]:
    pairs = list(combinations(places, 2))
    shares = np.zeros((len(forest.trees), len(pairs)))
    for row, tree in zip(shares, forest.trees, strict=True):
        deadline.check()
        divided = VarianceShares(tree.boxes(), weights)
        row[:] = [divided.pair(u, v) / (divided.total or np.inf) for u, v in pairs]
    found = [
        Interaction(columns[u].name, columns[v].name, *_spread(shares[:, place]))
        for place, (u, v) in enumerate(pairs)
    ]
    return sorted(found, key=lambda each: (-each.variance, each.a, each.b))


def _spread(values: Float64s) -> tuple[float, float, float]:
    low, high = np.quantile(values, _LEVEL)
    return float(values.mean()), float(low), float(high)


def _warnings(
    r_squared: float,
    columns: Sequence[ParamColumn],
    together: Sequence[Association],
    runs: int,
    unusable: int,
) -> list[str]:
    told = []
    if r_squared <= 0:
        told.append(
            f"The forest predicts runs that it has not seen no better than their mean "
            f"(R² {r_squared:.2f}): these importances say nothing."
        )
    elif r_squared < _LITTLE:
        told.append(
            f"The forest explains only {r_squared:.0%} of the variance of runs that it has not "
            "seen: rely on none but large differences."
        )
    if runs < _FEW_RUNS:
        told.append(f"There are only {runs} runs; importances are rough.")
    if runs < 5 * len(columns):
        told.append(f"There are {len(columns)} params for {runs} runs: some matter by chance.")
    if together:
        named = ", ".join(f"{each.a} and {each.b}" for each in together[:_NAMED])
        more = len(together) - _NAMED
        told.append(
            f"Params change together, and share their importance: {named}"
            + (f" and {more} other pairs." if more > 0 else ".")
        )
    if unusable:
        told.append(
            f"{unusable} of {runs + unusable} runs have no finite value and were left out; if "
            "params made them fail, it does not show here."
        )
    return told
