"""Thins a series out for a chart without losing a spike: pure functions on columns."""

import numpy as np
from numpy.typing import NDArray

from headwater.entities.metric import Float64s, Int64s, Series


def between(axis: Int64s, start: int | None, end: int | None) -> slice:
    """Return which positions of an ascending axis lie in a range, ends included."""
    first = 0 if start is None else int(np.searchsorted(axis, start, "left"))
    last = len(axis) if end is None else int(np.searchsorted(axis, end, "right"))
    return slice(first, max(first, last))


def downsample(series: Series, axis: Int64s, most: int) -> Series:
    """Return at most ``most`` (4 or more) points of a series that is ordered by ``axis``.

    The axis is cut into even buckets; of each, the least and the greatest value stay, the first
    that has it, and a NaN where there is nothing else. The first and last point always stay.
    """
    if len(series) <= most:
        return series
    bucket = _buckets(axis, (most - 2) // 2)
    starts = np.flatnonzero(np.append(True, bucket[1:] != bucket[:-1]))
    kept = (
        np.array([0, len(series) - 1]),
        _least(series.values, starts),
        _least(-series.values, starts),
    )
    return series.take(np.unique(np.concatenate(kept)))


def _buckets(axis: Int64s, count: int) -> NDArray[np.int64]:
    """Number the bucket of each position, ascending from 0."""
    # Unsigned, as the range may be larger than the greatest int64.
    offsets = axis.view(np.uint64) - axis[:1].view(np.uint64)
    width = float(offsets[-1]) / count
    if width == 0:
        return np.zeros(len(axis), np.int64)
    return np.minimum((offsets / width).astype(np.int64), count - 1)


def _least(values: Float64s, starts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return for each run of positions that begins at ``starts`` where its least value is."""
    comparable = np.where(np.isnan(values), np.inf, values)
    least = np.minimum.reduceat(comparable, starts)
    lengths = np.diff(np.append(starts, len(values)))
    of_bucket = np.repeat(np.arange(len(starts)), lengths)
    candidates = np.flatnonzero(comparable == least[of_bucket])
    _, first = np.unique(of_bucket[candidates], return_index=True)
    return candidates[first]
