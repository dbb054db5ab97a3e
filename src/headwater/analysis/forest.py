"""Bagged regression trees on ranks: out-of-bag predictions, permutations, and boxes of leaves."""

import importlib
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.entities.metric import Float64s
from headwater.errors import AnalysisError, ConfigurationError

_LEAST_IN_LEAF = 2
_MOST_LEAVES = 1024
"""So that a pair of params has at most 512 x 512 cells in a tree."""

_MOST_DRAWN = 2_000
"""Runs that one tree is grown from, and is tried on: more of them cost time and tell little."""

Float32s = NDArray[np.float32]
Int64s = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Boxes:
    """The leaves of a tree: which ranks each spans, and its value."""

    low: Int64s
    """Of shape (leaves, params): the first rank."""

    high: Int64s
    """The rank after the last."""

    value: Float64s


@dataclass(frozen=True, eq=False)
class GrownTree:
    """One tree, and what was found by it."""

    permutation: Float64s
    """Of each param: growth of the mean squared error out of bag."""

    _nodes: Any
    _sizes: Int64s

    def boxes(self) -> Boxes:
        """Return its leaves, made anew: those of all trees would take much memory."""
        return _boxes(self._nodes, self._sizes)


@dataclass(frozen=True, eq=False)
class Forest:
    """All trees, with the prediction of each run by those that have not seen it."""

    trees: tuple[GrownTree, ...]
    out_of_bag: Float64s
    """NaN for runs that all trees have seen."""


class Deadline:
    """Ends work that takes longer than it may."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._end = None if seconds is None else time.monotonic() + seconds

    def check(self) -> None:
        """Raise AnalysisError once the time is over."""
        if self._end is not None and time.monotonic() > self._end:
            raise AnalysisError(
                f"the importances took longer than {self._seconds:g} s; select fewer runs or params"
                ", or fewer trees."
            )


def grow(
    ranks: Int64s, y: Float64s, trees: int, rng: np.random.Generator, deadline: Deadline
) -> Forest:
    """Grow trees, each on a sample of the runs with replacement (Breiman 2001).

    `ranks` is of shape (runs, params) and `y` of shape (runs,). Each split may use every param.

    Raises:
        ConfigurationError: scikit-learn is not installed.
        AnalysisError: it took too long.
    """
    make = _tree_class()
    x = np.ascontiguousarray(ranks, np.float32)
    sums, counts = np.zeros(y.size), np.zeros(y.size)
    grown: list[GrownTree] = []
    sizes, size = ranks.max(axis=0) + 1, min(y.size, _MOST_DRAWN)
    while len(grown) < trees:
        deadline.check()
        drawn = np.bincount(rng.integers(y.size, size=size), minlength=y.size)
        seen, unseen = drawn > 0, np.flatnonzero(drawn == 0)
        if unseen.size < 2:  # of a handful of runs, once in a while
            continue
        tree = make(
            min_samples_leaf=_LEAST_IN_LEAF,
            max_leaf_nodes=_MOST_LEAVES,
            random_state=int(rng.integers(2**31)),
        )
        tree.fit(x[seen], y[seen], sample_weight=drawn[seen].astype(np.float64))
        predicted = _predict(tree, x[unseen])
        sums[unseen] += predicted
        counts[unseen] += 1
        tried = unseen if unseen.size <= _MOST_DRAWN else rng.choice(unseen, _MOST_DRAWN, False)
        growth = _permuted(tree, x[tried], y[tried], rng)
        grown.append(GrownTree(growth, tree.tree_, sizes))
    with np.errstate(invalid="ignore"):
        return Forest(tuple(grown), sums / counts)


def _permuted(tree: Any, x: Float32s, y: Float64s, rng: np.random.Generator) -> Float64s:
    error = float(((y - _predict(tree, x)) ** 2).mean())
    growth = np.zeros(x.shape[1])
    used = np.unique(tree.tree_.feature[tree.tree_.feature >= 0])
    for place in used:
        kept = x[:, place].copy()
        x[:, place] = rng.permutation(kept)
        growth[place] = float(((y - _predict(tree, x)) ** 2).mean()) - error
        x[:, place] = kept
    return growth


def _predict(tree: Any, x: Float32s) -> Float64s:
    return np.asarray(tree.predict(x, check_input=False), np.float64)


def _boxes(tree: Any, sizes: Int64s) -> Boxes:
    """Return the leaves; nodes come after their parents."""
    low = np.zeros((tree.node_count, sizes.size), np.int64)
    high = np.broadcast_to(sizes, low.shape).copy()
    cut = np.floor(tree.threshold).astype(np.int64) + 1
    left, right, feature = tree.children_left, tree.children_right, tree.feature
    inner = np.flatnonzero(left >= 0)
    for node in inner:
        for child in (left[node], right[node]):
            low[child], high[child] = low[node], high[node]
        high[left[node], feature[node]] = cut[node]
        low[right[node], feature[node]] = cut[node]
    leaves = np.flatnonzero(left < 0)
    return Boxes(low[leaves], high[leaves], tree.value[leaves, 0, 0])


def _tree_class() -> Any:
    try:
        # MLflow brings it; loaded on demand, as it is large.
        return importlib.import_module("sklearn.tree").DecisionTreeRegressor
    except ImportError as error:
        raise ConfigurationError(
            f"importances need scikit-learn ({error}); run: pip install scikit-learn"
        ) from error
