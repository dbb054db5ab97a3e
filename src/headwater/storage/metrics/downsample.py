"""Thins a series out for a chart without losing a spike: pure functions on columns."""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.entities.metric import Float64s, Int64s, Series

_MANY = 64
"""So many points a bucket are found faster bucket by bucket."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """An axis cut into even parts."""

    first: int
    width: float
    """0 where the axis has one position."""

    count: int

    @classmethod
    def between(cls, first: int, last: int, count: int) -> "Buckets":
        """Cut the axis from its first to its last position into `count` parts."""
        return cls(first, float(last - first) / count, count)

    def of(self, positions: Int64s) -> NDArray[np.int64]:
        """Number the bucket of each position, from 0."""
        if self.width == 0:
            return np.zeros(len(positions), np.int64)
        buckets = (self._offsets(positions) / self.width).astype(np.int64)
        return np.minimum(buckets, self.count - 1)

    def starts(self, axis: Int64s) -> NDArray[np.intp]:
        """Return where on an ascending axis each bucket begins that has a position there.

        By bisection: `of` for some positions of every bucket, not for all.
        """
        buckets = np.arange(self.count)
        low = np.zeros(self.count, np.intp)
        high = np.full(self.count, len(axis), np.intp)
        while (unsettled := low < high).any():
            middle = (low + high) // 2
            reached = self.of(axis.take(middle, mode="clip")) >= buckets
            high = np.where(unsettled & reached, middle, high)
            low = np.where(unsettled & ~reached, middle + 1, low)
        first: NDArray[np.intp] = low[np.append(low[1:] != low[:-1], low[-1] < len(axis))]
        return first

    def hold(self, lowest: Int64s, highest: Int64s) -> NDArray[np.bool_]:
        """Say which spans need not be taken apart.

        Those that lie in one bucket, or in two and are at most half as wide as one.
        """
        spread = self._offsets(highest) - self._offsets(lowest)
        held: NDArray[np.bool_] = (self.of(lowest) == self.of(highest)) | (spread <= self.width / 2)
        return held

    def _offsets(self, positions: Int64s) -> NDArray[np.uint64]:
        # Unsigned, as the range may be larger than the greatest int64.
        return positions.astype(np.uint64) - np.uint64(self.first & 0xFFFF_FFFF_FFFF_FFFF)


def bucket_count(most: int) -> int:
    """Return how many buckets fit into so many points, two of each and both ends."""
    return (most - 2) // 2


def between(axis: Int64s, start: int | None, end: int | None) -> slice:
    """Return which positions of an ascending axis lie in a range, ends included."""
    first = 0 if start is None else int(np.searchsorted(axis, start, "left"))
    last = len(axis) if end is None else int(np.searchsorted(axis, end, "right"))
    return slice(first, max(first, last))


def downsample(series: Series, axis: Int64s, most: int) -> Series:
    """Return at most ``most`` points of a series that is ordered by ``axis``.

    The axis is cut into even buckets; of each, the least and the greatest value stay, the first
    that has it, and a NaN where there is nothing else. The first and last point always stay; below
    4 points there is room for them alone, or for the last.
    """
    if len(series) <= most:
        return series
    ends = np.array([0, len(series) - 1])[-most:]
    if (count := bucket_count(most)) < 1:
        return series.take(ends)
    buckets = Buckets.between(int(axis[0]), int(axis[-1]), count)
    kept = _extremes_of_many(series.values, axis, buckets)
    return series.take(np.unique(np.concatenate((ends, kept))))


def _extremes_of_many(values: Float64s, axis: Int64s, buckets: Buckets) -> NDArray[np.intp]:
    """Return what `extremes` does, in a fraction of the time where buckets have many points."""
    if len(values) < _MANY * buckets.count:
        return extremes(values, buckets.of(axis))
    bounds = [*buckets.starts(axis).tolist(), len(values)]
    spans = list(itertools.pairwise(bounds))
    least_of = [start + int(values[start:end].argmin()) for start, end in spans]
    greatest_of = [start + int(values[start:end].argmax()) for start, end in spans]
    at = np.array(least_of + greatest_of)
    if np.isnan(values[at]).any():  # argmin takes a NaN for the least
        return extremes(values, buckets.of(axis))
    return at


def extremes(values: Float64s, buckets: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the positions of each bucket's least and of its greatest values; see `least`."""
    return np.concatenate((least(values, buckets), least(-values, buckets)))


def least(values: Float64s, buckets: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the position of each bucket's least value, the first of equal ones.

    ``buckets`` is the bucket of each value, ascending.
    """
    starts = np.flatnonzero(np.append(True, buckets[1:] != buckets[:-1]))
    comparable = np.where(np.isnan(values), np.inf, values)
    least_of = np.minimum.reduceat(comparable, starts)
    lengths = np.diff(np.append(starts, len(values)))
    candidates = np.flatnonzero(comparable == np.repeat(least_of, lengths))
    return candidates[np.searchsorted(candidates, starts)]
