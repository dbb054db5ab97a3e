"""Make one number of a series; pure functions."""

from math import nan

import numpy as np

from headwater.entities.metric import LARGEST, Float64s, Int64s, Series
from headwater.entities.reduction import Reduction


def reduce_series(series: Series, reduction: Reduction) -> float:
    """Return what the reduction takes of a series with at least one point; NaN where it has none.

    Points are taken in the order of their steps, then times. NaN are passed over by ``min`` and
    ``max``, as charts do, and make ``mean`` and ``area`` NaN. A ``mean`` of more points than there
    are is that of all. ``area`` needs two steps; at a step that occurs several times the last point
    counts.
    """
    order = np.lexsort((series.values, series.timestamps, series.steps))
    steps, values = series.steps[order], as_infinite(series.values[order])
    match reduction.kind:
        case "first":
            return float(values[0])
        case "last":
            return float(values[-1])
        case "min" | "max":
            finite = values[~np.isnan(values)]
            if not finite.size:
                return nan
            return float(finite.min() if reduction.kind == "min" else finite.max())
        case "mean":
            return float(values[-(reduction.number or 0) :].mean())
        case "at":
            assert reduction.number is not None
            return _at(steps, values, reduction.number)
        case "area":
            return _area(steps, values)


def as_infinite(values: Float64s) -> Float64s:
    """Return values with the infinities that MLflow stores as the largest numbers."""
    found = values.copy()
    found[values >= LARGEST] = np.inf
    found[values <= -LARGEST] = -np.inf
    return found


def _at(steps: Int64s, values: Float64s, step: int) -> float:
    place = int(np.searchsorted(steps, step, "right")) - 1
    return nan if place < 0 else float(values[place])


def _area(steps: Int64s, values: Float64s) -> float:
    last = np.append(steps[1:] != steps[:-1], True)
    at, height = steps[last].astype(np.float64), values[last]
    if at.size < 2:
        return nan
    return float((np.diff(at) * (height[1:] + height[:-1]) / 2).sum() / (at[-1] - at[0]))
