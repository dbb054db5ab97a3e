"""The variance of a tree, divided among params and pairs of them: functional ANOVA."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.analysis.forest import Boxes
from headwater.entities.metric import Float64s

Int64s = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Leaves:
    boxes: Boxes
    value: Float64s
    """Less the mean of the tree."""

    spans: Float64s
    """Of shape (leaves, params): the share of values that each leaf spans."""

    volume: Float64s


class VarianceShares:
    """Divides the variance of a tree under independent params, spread as they are in the runs.

    With f = f0 + Σ f_u(x_u) + Σ f_uv(x_u, x_v) + ..., where each term has mean zero in each of its
    params, Var f = Σ V_u + Σ V_uv + .... A tree is constant on boxes, so that all of it is exact:
    the mean of f given x_u is a sum over the leaves that span x_u, of their value times the
    probability of their other sides.
    Source: Hutter, Hoos and Leyton-Brown, ICML 2014 (there for params that are uniform).
    """

    def __init__(self, boxes: Boxes, shares: list[Float64s]) -> None:
        """Take the leaves, and for each param the share of runs that each rank has."""
        self._weights = shares
        sums = [np.concatenate([[0.0], np.cumsum(each)]) for each in shares]
        spans = np.stack(
            [s[boxes.high[:, j]] - s[boxes.low[:, j]] for j, s in enumerate(sums)], axis=1
        )
        volume = spans.prod(axis=1)
        value = boxes.value - float(volume @ boxes.value)
        self._sums = sums
        self._leaves = _Leaves(boxes, value, spans, volume)
        self.total = float(volume @ value**2)
        """Variance of the tree."""

        self.single = np.array([self._single(place) for place in range(len(shares))])
        """Of each param, in the units of the total."""

    def pair(self, u: int, v: int) -> float:
        """Return what two params explain together, beyond what each does by itself."""
        leaves, low, high = self._leaves, self._leaves.boxes.low, self._leaves.boxes.high
        cuts_u, cuts_v = self._cuts(u), self._cuts(v)
        others = leaves.value * leaves.volume / (leaves.spans[:, u] * leaves.spans[:, v])
        grid = np.zeros((cuts_u.size, cuts_v.size))
        for rows, sign_u in ((low, 1.0), (high, -1.0)):
            for columns, sign_v in ((low, 1.0), (high, -1.0)):
                place = np.searchsorted(cuts_u, rows[:, u]), np.searchsorted(cuts_v, columns[:, v])
                np.add.at(grid, place, sign_u * sign_v * others)
        mean = grid.cumsum(axis=0).cumsum(axis=1)[:-1, :-1]
        weights_u, weights_v = np.diff(self._sums[u][cuts_u]), np.diff(self._sums[v][cuts_v])
        both = float(weights_u @ mean**2 @ weights_v)
        return max(0.0, both - float(self.single[u] + self.single[v]))

    def _single(self, u: int) -> float:
        leaves, size = self._leaves, self._weights[u].size
        low, high = leaves.boxes.low[:, u], leaves.boxes.high[:, u]
        if low.max() == 0 and high.min() == size:
            return 0.0
        others = leaves.value * leaves.volume / leaves.spans[:, u]
        change = np.bincount(low, others, size + 1) - np.bincount(high, others, size + 1)
        return float(self._weights[u] @ np.cumsum(change)[:-1] ** 2)

    def _cuts(self, u: int) -> Int64s:
        boxes = self._leaves.boxes
        return np.union1d(boxes.low[:, u], boxes.high[:, u])
