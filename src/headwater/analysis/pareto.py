"""The best of several objectives: what no other point beats in all of them, and its volume."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headwater.analysis.inputs import one_of
from headwater.entities.metric import Float64s
from headwater.entities.pareto_front import Direction
from headwater.errors import AnalysisError

_MOST_IN_VOLUME = 3


@dataclass(frozen=True)
class ParetoFront:
    """Which points are on the front; all numbers are positions of points."""

    front: tuple[int, ...]
    """From the best to the worst in the first objective, those that are equal by position."""

    duplicates: tuple[tuple[int, ...], ...]
    """Points on the front that are equal in all objectives; every one is on the front."""

    unusable: tuple[int, ...]
    """Points with NaN or an infinity, which were left out."""


def pareto_front(points: ArrayLike, directions: Sequence[Direction]) -> ParetoFront:
    """Return the points that no other one dominates.

    A point dominates another where it is at least as good in every objective and better in one.
    `points` is of shape (points, objectives). O(n log n) for two objectives, O(n f) for more, with
    f points on the front.
    Source for two: Kung, Luccio and Preparata, JACM 22 (1975), 469-476.

    Raises:
        AnalysisError: fewer than two objectives, or a direction is neither ``max`` nor ``min``.
    """
    costs = _costs("points", points, directions)
    finite = np.isfinite(costs).all(axis=1)
    kept = np.flatnonzero(finite)
    # By the first objective, then the others: whatever dominates a point comes before it.
    order = kept[np.lexsort(costs[kept].T[::-1])]
    ordered = costs[order]
    marked = _sweep(ordered) if len(directions) == 2 else _filter(ordered)
    front = order[marked]
    equal = defaultdict(list)
    for place in front.tolist():
        equal[tuple(costs[place].tolist())].append(place)
    return ParetoFront(
        tuple(front.tolist()),
        tuple(tuple(places) for places in equal.values() if len(places) > 1),
        tuple(np.flatnonzero(~finite).tolist()),
    )


def hypervolume(
    points: ArrayLike, reference: Sequence[float], directions: Sequence[Direction]
) -> float:
    """Return the volume of what the points dominate, up to a reference point that is worse.

    For two objectives an area, for three a volume, by slices along the last one whose corners are
    kept in order: n log n steps. Points that are not better than the reference in every objective
    add nothing, nor do those with NaN or infinities.
    Source: Zitzler and Thiele 1998; Fonseca, Paquete and López-Ibáñez 2006 for the slices.

    Raises:
        AnalysisError: not two or three objectives, or the reference is not finite.
    """
    costs = _costs("points", points, directions)
    if len(directions) > _MOST_IN_VOLUME:
        raise AnalysisError(
            f"a hypervolume of {len(directions)} objectives is not offered; give two or three."
        )
    worst = _costs("reference", [reference], directions)[0]
    if not np.isfinite(worst).all():
        raise AnalysisError("reference is not finite; give a number for each objective.")
    sides = worst - costs[(costs < worst).all(axis=1) & np.isfinite(costs).all(axis=1)]
    if len(directions) == 2:
        sides = np.column_stack([sides, np.ones(len(sides))])
    return _volume(sides)


def _volume(sides: Float64s) -> float:
    """Return the volume of the union of boxes from the origin, slice by slice from the top."""
    stairs = _Stairs()
    volume, order = 0.0, np.lexsort((sides[:, 0], -sides[:, 2]))
    heights = [*sides[order, 2].tolist(), 0.0]
    for place, (width, length) in enumerate(sides[order, :2].tolist()):
        stairs.add(width, length)
        if heights[place] > heights[place + 1]:
            volume += stairs.area * (heights[place] - heights[place + 1])
    return volume


class _Stairs:
    """The union of rectangles from the origin: corners by growing width and falling length."""

    def __init__(self) -> None:
        self._widths: list[float] = []
        self._lengths: list[float] = []
        self.area = 0.0

    def add(self, width: float, length: float) -> None:
        """Add a rectangle; each is removed once at most, so that this costs little."""
        end = bisect_left(self._widths, width)
        here = self._lengths[end] if end < len(self._widths) else 0.0
        if here >= length:
            return
        first = end
        while first > 0 and self._lengths[first - 1] <= length:
            first -= 1
        before = self._widths[first - 1] if first > 0 else 0.0
        self.area += (width - before) * length
        for place in range(first, end):
            self.area -= (self._widths[place] - before) * self._lengths[place]
            before = self._widths[place]
        self.area -= (width - before) * here
        if end < len(self._widths) and self._widths[end] == width:
            end += 1
        self._widths[first:end] = [width]
        self._lengths[first:end] = [length]


def _costs(name: str, points: ArrayLike, directions: Sequence[Direction]) -> Float64s:
    """Return the points such that less is better in every objective."""
    if len(directions) < 2:
        raise AnalysisError(f"directions has {len(directions)} entries; give two or more.")
    for direction in directions:
        one_of("directions", direction, Direction)
    try:
        array = np.asarray(points, np.float64)
    except (TypeError, ValueError) as error:
        raise AnalysisError(f"{name} is no table of numbers ({error}); give floats.") from error
    if not array.size:
        array = array.reshape(0, len(directions))
    if array.ndim != 2 or array.shape[1] != len(directions):
        raise AnalysisError(
            f"{name} is not of {len(directions)} numbers each; give one for each direction."
        )
    signs = np.array([-1.0 if direction == "max" else 1.0 for direction in directions])
    return np.asarray(array * signs + 0.0)


def _sweep(costs: Float64s) -> NDArray[np.bool_]:
    """Mark the front of points of two objectives in lexicographic order."""
    first, second = costs[:, 0], costs[:, 1]
    # The best of the second among all points before; among equals, that of their first.
    before = np.concatenate([[np.inf], np.minimum.accumulate(second)])[:-1]
    start = np.ones(len(costs), bool)
    start[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    groups = np.flatnonzero(start)
    on_front = second[groups] < before[groups]
    return np.repeat(on_front, np.diff(np.append(groups, len(costs))))


def _filter(costs: Float64s) -> NDArray[np.bool_]:
    """Mark the front of points in lexicographic order, each compared with the front before it."""
    marked = np.zeros(len(costs), bool)
    front = np.empty_like(costs)
    size = 0
    for place, cost in enumerate(costs):
        found = front[:size]
        worse = (found <= cost).all(axis=1)
        if worse.any() and (found[worse] < cost).any():
            continue
        marked[place] = True
        front[size] = cost
        size += 1
    return marked
