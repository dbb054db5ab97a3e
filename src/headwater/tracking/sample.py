"""Which points of a long series MLflow shows: pure functions, one for each of its two ways."""

import bisect
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from headwater.entities.metric import Series

LARGEST_HISTORY = 25_000
"""The most points of one run that MLflow before 3.15 returns for the sampled steps."""


def sample_rows(count: int, most: int) -> NDArray[np.intp]:
    """Return the positions that MLflow since 3.15 samples from ``count`` ordered rows.

    SQL's NTILE: ``most`` buckets, the first ``count % most`` of them one row larger; the first row
    of each, and the very last row in place of the last pick where it is not among them.
    """
    if count <= most:
        return np.arange(count, dtype=np.intp)
    size, larger = divmod(count, most)
    buckets = np.arange(most, dtype=np.intp)
    positions = buckets * size + np.minimum(buckets, larger)
    positions[-1] = count - 1
    return positions


def sample_steps(
    histories: Mapping[str, Series], most: int, interval: tuple[int, int] | None
) -> list[int]:
    """Return the steps that MLflow before 3.15 samples over all runs, ascending.

    Evenly spaced among the distinct steps of all runs, with the last one and every run's first and
    last step. Without an interval, steps below 0 are left out.
    """
    every = np.unique(np.concatenate([series.steps for series in histories.values()])).tolist()
    start, end = interval or (0, every[-1])
    ends = {
        int(step)
        for series in histories.values()
        for step in (series.steps.min(), series.steps.max())
        if start <= step <= end
    }
    within = every[bisect.bisect_left(every, start) : bisect.bisect_right(every, end)]
    if len(within) > most:
        spacing = len(within) / most
        within = [within[int(i * spacing)] for i in range(most)] + within[-1:]
    return sorted(ends.union(within))


def points_at(series: Series, steps: Sequence[int]) -> Series:
    """Return the points of a series ordered by step that lie at the given steps."""
    positions = np.flatnonzero(np.isin(series.steps, np.array(steps, np.int64)))
    return series.take(positions[:LARGEST_HISTORY])
