"""A metric aggregated over the ranks of a distributed training."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.entities.metric import Float64s, Int64s, Series


@dataclass(frozen=True, eq=False)
class OverRanks:
    """Columns of one length, by step; thinned out, a row stands for the steps up to the next."""

    steps: Int64s
    """The first step of each row."""

    count: Int64s
    """Most ranks that have a value of one of the row's steps."""

    mean: Float64s
    """Of all values that are no NaN; NaN where there are none, as for the following two."""

    least: Float64s
    least_rank: Int64s
    most: Float64s
    most_rank: Int64s
    lag: Int64s
    """Milliseconds between the first and the last rank that logged a step; the longest."""

    straggler: Int64s
    """The rank that was the last to log that step."""


def over_ranks(series: Mapping[int, Series], points: int) -> OverRanks:
    """Aggregate the series of ranks in at most so many rows, even in steps.

    Of several values of a step in a rank, the one that was logged last counts.
    """
    ranks = np.array(sorted(series), np.int64)
    kept = [_last_of_steps(series[int(rank)]) for rank in ranks]
    if not any(len(one) for one in kept):
        return OverRanks(*(np.zeros(0, kind) for kind in "qqddqdqqq"))
    steps = np.unique(np.concatenate([one.steps for one in kept]))
    rows = _rows(steps, points)
    starts = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]])
    columns = _Columns(len(steps))
    for rank, one in zip(ranks.tolist(), kept, strict=True):
        columns.take(rank, np.searchsorted(steps, one.steps), one)
    return columns.reduced(steps, starts)


def _last_of_steps(series: Series) -> Series:
    order = np.lexsort((series.timestamps, series.steps))
    steps = series.steps[order]
    is_last = np.r_[steps[1:] != steps[:-1], [True] * bool(len(steps))].astype(bool)
    return series.take(order[is_last])


def _rows(steps: Int64s, points: int) -> NDArray[np.float64]:
    """Return the row of each step: its own where there are few, else by equal widths."""
    if len(steps) <= points:
        return np.arange(len(steps), dtype=np.float64)
    offset = steps.astype(np.float64) - float(steps[0])
    rows: NDArray[np.float64] = np.minimum(np.floor(offset * (points / offset[-1])), points - 1)
    return rows


class _Columns:
    """Aggregates of each step, rank by rank."""

    def __init__(self, steps: int) -> None:
        self._count = np.zeros(steps, np.int64)
        self._numbers = np.zeros(steps, np.int64)
        self._sum = np.zeros(steps)
        self._least = np.full(steps, np.nan)
        self._most = np.full(steps, np.nan)
        self._least_rank = np.zeros(steps, np.int64)
        self._most_rank = np.zeros(steps, np.int64)
        self._first = np.full(steps, np.iinfo(np.int64).max)
        self._last = np.full(steps, -1)
        self._straggler = np.zeros(steps, np.int64)

    def take(self, rank: int, at: NDArray[np.intp], series: Series) -> None:
        """Take a rank's values of the steps at the given positions, once each."""
        values, times = series.values, series.timestamps
        is_number = ~np.isnan(values)
        self._count[at] += 1
        self._numbers[at] += is_number
        self._sum[at] += np.where(is_number, values, 0.0)
        less = is_number & ~(self._least[at] <= values)
        self._least[at[less]], self._least_rank[at[less]] = values[less], rank
        more = is_number & ~(self._most[at] >= values)
        self._most[at[more]], self._most_rank[at[more]] = values[more], rank
        self._first[at] = np.minimum(self._first[at], times)
        later = times > self._last[at]
        self._last[at[later]], self._straggler[at[later]] = times[later], rank

    def reduced(self, steps: Int64s, starts: NDArray[np.intp]) -> OverRanks:
        """Return the aggregates of the rows that begin at the given steps."""
        numbers = np.add.reduceat(self._numbers, starts)
        with np.errstate(invalid="ignore"):
            mean = np.add.reduceat(self._sum, starts) / numbers
        least = _chosen(np.where(np.isnan(self._least), np.inf, self._least), starts, np.argmin)
        most = _chosen(np.where(np.isnan(self._most), -np.inf, self._most), starts, np.argmax)
        lag = self._last - self._first
        longest = _chosen(lag, starts, np.argmax)
        return OverRanks(
            steps[starts],
            np.maximum.reduceat(self._count, starts),
            mean,
            self._least[least],
            self._least_rank[least],
            self._most[most],
            self._most_rank[most],
            lag[longest],
            self._straggler[longest],
        )


def _chosen(column: NDArray[np.generic], starts: NDArray[np.intp], choose: object) -> Int64s:
    """Return the position of each row's extreme."""
    assert callable(choose)
    ends = np.r_[starts[1:], len(column)]
    found = [start + choose(column[start:end]) for start, end in zip(starts, ends, strict=True)]
    return np.array(found, np.int64)
