"""Aggregates a metric over the ranks of a distributed training: pure functions on columns."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from headwater.entities.metric import Int64s, Series
from headwater.entities.over_ranks import OverRanks
from headwater.storage.metrics.downsample import Buckets


def over_ranks(series: Mapping[int, Series], points: int) -> OverRanks:
    """Aggregate the series of ranks in at most so many rows, even in steps.

    Of several values of a step in a rank, the one that was logged last counts.
    """
    ranks = np.array(sorted(series), np.int64)
    kept = [_last_of_steps(series[int(rank)]) for rank in ranks]
    if not any(len(one) for one in kept):
        return OverRanks(*(np.zeros(0, kind) for kind in "qqddqdqqq"))
    steps = np.unique(np.concatenate([one.steps for one in kept]))
    columns = _Columns(len(steps))
    for rank, one in zip(ranks.tolist(), kept, strict=True):
        columns.take(rank, np.searchsorted(steps, one.steps), one)
    return columns.reduced(steps, _starts(steps, points))


def _last_of_steps(series: Series) -> Series:
    order = np.lexsort((series.timestamps, series.steps))
    steps = series.steps[order]
    is_last = np.r_[steps[1:] != steps[:-1], [True] * bool(len(steps))].astype(bool)
    return series.take(order[is_last])


def _starts(steps: Int64s, points: int) -> NDArray[np.intp]:
    """Return where each row begins: a row a step where there are few, else of equal widths."""
    if len(steps) <= points:
        return np.arange(len(steps))
    return Buckets.between(int(steps[0]), int(steps[-1]), points).starts(steps)


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
