"""What a series comes to: counts, total, extremes, first and last point."""

from dataclasses import dataclass

import numpy as np

from headwater.entities.metric import LARGEST, Series, ordering_values


@dataclass(frozen=True, slots=True)
class Point:
    """A point as MLflow stores one: a NaN is 0 beside a flag."""

    step: int
    timestamp: int
    value: float
    is_nan: bool

    def order(self) -> tuple[int, int, float, bool]:
        """What points of a series are ordered by, as MLflow's latest metrics are."""
        return self.step, self.timestamp, self.value, self.is_nan


@dataclass(frozen=True, slots=True)
class Extreme:
    """A least or greatest value, and the first (step, timestamp) that has it."""

    value: float
    step: int
    timestamp: int


@dataclass(frozen=True, slots=True)
class Summary:
    """Of all points of a series, exact duplicates counted once."""

    points: int
    nans: int
    infinities: int
    """Values stored as ±``LARGEST``."""

    total: float
    """Sum of the finite values; their mean is ``total / (points - nans - infinities)``."""

    minimum: Extreme | None
    """None where every value is NaN."""

    maximum: Extreme | None
    first: Point
    last: Point


def summarise(series: Series) -> Summary:
    """Summarise at least one point; a series has no exact duplicates."""
    if not bool((series.steps[1:] > series.steps[:-1]).all()):
        series = _by_step(series)
    nan = np.isnan(series.values)
    infinite = np.abs(series.values) == LARGEST
    finite = series.values[~(nan | infinite)]
    with np.errstate(over="ignore"):
        total = float(finite.sum())
    nans, infinities = int(nan.sum()), int(infinite.sum())
    some = nans < len(series)
    return Summary(
        len(series),
        nans,
        infinities,
        total,
        _extreme(series, np.where(nan, np.inf, series.values).argmin()) if some else None,
        _extreme(series, np.where(nan, -np.inf, series.values).argmax()) if some else None,
        _point(series, 0),
        _point(series, -1),
    )


def combined(one: Summary, other: Summary) -> Summary:
    """Summarise two sets of points that have none in common."""
    return Summary(
        one.points + other.points,
        one.nans + other.nans,
        one.infinities + other.infinities,
        one.total + other.total,
        _first_of(one.minimum, other.minimum, sign=1),
        _first_of(one.maximum, other.maximum, sign=-1),
        min(one.first, other.first, key=Point.order),
        max(one.last, other.last, key=Point.order),
    )


def _by_step(series: Series) -> Series:
    nan = np.isnan(series.values)
    ordering = ordering_values(series.values)
    return series.take(np.lexsort((nan, ordering, series.timestamps, series.steps)))


def _extreme(series: Series, at: np.intp) -> Extreme:
    return Extreme(float(series.values[at]), int(series.steps[at]), int(series.timestamps[at]))


def _first_of(one: Extreme | None, other: Extreme | None, sign: int) -> Extreme | None:
    if one is None or other is None:
        return one or other
    return min(one, other, key=lambda e: (sign * e.value, e.step, e.timestamp))


def _point(series: Series, at: int) -> Point:
    value = float(series.values[at])
    is_nan = value != value  # only NaN differs from itself
    return Point(
        int(series.steps[at]), int(series.timestamps[at]), 0.0 if is_nan else value, is_nan
    )
