"""Ordering of points as MLflow orders them: pure functions on columns."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headwater.entities.metric import Points, Series, ordering_values

_LEAST = np.iinfo(np.int64).min
_FEW = 4
_MOST_AT_THE_END = 256


def concatenated(pieces: Sequence[Series]) -> Series:
    """Return the points of one piece after those of another."""
    return Series(
        np.concatenate([piece.steps for piece in pieces]),
        np.concatenate([piece.timestamps for piece in pieces]),
        np.concatenate([piece.values for piece in pieces]),
    )


def merged(pieces: Sequence[Series]) -> Series:
    """Concatenate pieces of one series, sort by (timestamp, step, value), drop exact duplicates.

    NaN sorts as 0, after a 0 at the same time and step, and equals another NaN: MLflow's primary
    key of a metric row.
    """
    series = pieces[0] if len(pieces) == 1 else concatenated(pieces)
    if _strictly_ascending(series):
        return series
    nan = np.isnan(series.values)
    order = np.lexsort((nan, ordering_values(series.values), series.steps, series.timestamps))
    series = series.take(order)
    return series.take(np.flatnonzero(~_repeats(series)))


def united(stored: Series, new: Series) -> tuple[Series, Series]:
    """Return both `merged`, and those points of `new` that `stored` does not have, in order.

    Either is sorted and free of duplicates.
    """
    both = concatenated((stored, new))
    nan, is_new = np.isnan(both.values), np.arange(len(both)) >= len(stored)
    order = np.lexsort((is_new, nan, ordering_values(both.values), both.steps, both.timestamps))
    both = both.take(order)
    repeats = _repeats(both)
    return (
        both.take(np.flatnonzero(~repeats)),
        both.take(np.flatnonzero(is_new[order] & ~repeats)),
    )


def by_step(series: Series) -> Series:
    """Return the points of a `merged` series sorted by (step, timestamp, value, is NaN)."""
    if bool((series.steps[1:] >= series.steps[:-1]).all()):
        return series  # sorted by time, and the steps follow it
    nan = np.isnan(series.values)
    order = np.lexsort((nan, ordering_values(series.values), series.timestamps, series.steps))
    return series.take(order)


def latest_positions(points: Points) -> NDArray[np.intp]:
    """Return for each key the position of its latest point: greatest (step, timestamp, value).

    Of a NaN and a 0, which compare equal, the one logged first.
    """
    if _ends_with_all_keys(points):
        return np.arange(len(points) - len(points.keys), len(points), dtype=np.intp)
    at = _at_last_steps(points)
    keys = points.key_index[at]
    columns = (ordering_values(points.values[at]), points.timestamps[at], points.steps[at], keys)
    # Backwards, so that the sort, which is stable, leaves the first of equal points last.
    order = len(at) - 1 - np.lexsort(tuple(column[::-1] for column in columns))
    keys = keys[order]
    return at[order[np.flatnonzero(np.append(keys[1:] != keys[:-1], True))]]


def _ends_with_all_keys(points: Points) -> bool:
    """Say whether the last points are one of every key, at greater steps than all before them.

    So it is in a training loop's batches, and costs a third of sorting.
    """
    count = len(points.keys)
    last_keys = points.key_index[-count:].tolist()
    if not 0 < count <= min(len(points), _MOST_AT_THE_END) or len(set(last_keys)) < count:
        return False
    earlier, last = points.steps[:-count], points.steps[-count:]
    return len(earlier) == 0 or bool(np.maximum.reduce(earlier) < np.minimum.reduce(last))


def _at_last_steps(points: Points) -> NDArray[np.intp]:
    """Return the positions of the points at the greatest step of their key: few have to be sorted.

    All positions where there are few points a key.
    """
    if len(points.keys) == 1:
        return np.flatnonzero(points.steps == points.steps.max(initial=_LEAST))
    if len(points) < _FEW * len(points.keys):
        return np.arange(len(points), dtype=np.intp)
    greatest = np.full(len(points.keys), _LEAST)
    np.maximum.at(greatest, points.key_index, points.steps)
    return np.flatnonzero(points.steps == greatest[points.key_index])


def _strictly_ascending(series: Series) -> bool:
    """Say whether the series is sorted and free of duplicates, in one pass."""
    times, steps = series.timestamps, series.steps
    later = times[1:] > times[:-1]
    return bool((later | ((times[1:] == times[:-1]) & (steps[1:] > steps[:-1]))).all())


def _repeats(series: Series) -> NDArray[np.bool_]:
    """Mark the points of a sorted series that equal the one before them."""
    values, nan = series.values, np.isnan(series.values)
    same = (
        (series.timestamps[1:] == series.timestamps[:-1])
        & (series.steps[1:] == series.steps[:-1])
        & ((values[1:] == values[:-1]) | (nan[1:] & nan[:-1]))
    )
    return np.insert(same, 0, False)
