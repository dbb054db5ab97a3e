"""Which points MLflow before 3.15 shows of long series, and what is shown in their place: pure.

Later releases sample each run by itself: `MetricEngine.drawn` by rows takes the place of that.
"""

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from headwater.entities.metric import Series
from headwater.storage.metrics.downsample import between, bucket_count, downsample

LARGEST_HISTORY = 25_000
"""The most points of one run that MLflow before 3.15 returns for the sampled steps."""


@dataclass(frozen=True, slots=True)
class StepSample:
    """The steps that MLflow samples over several runs."""

    start: int
    end: int
    """The range, ends included, that they are sampled from."""

    steps: Sequence[int]
    """Ascending."""

    complete: bool
    """They are all that the range has."""


def sample_steps(
    histories: Mapping[str, Series], most: int, interval: tuple[int, int] | None
) -> StepSample:
    """Return the steps that MLflow before 3.15 samples over all runs.

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
    if len(within) <= most:
        return StepSample(start, end, within, complete=True)
    spacing = len(within) / most
    picked = {within[int(i * spacing)] for i in range(most)}
    return StepSample(start, end, sorted({*picked, *within[-1:], *ends}), complete=False)


def points_at(series: Series, sample: StepSample) -> Series:
    """Return as many points of a series ordered by step as lie at the sampled steps, or fewer.

    Those very points where the sample is complete or there are too few to choose; else the first,
    the last, and the least and the greatest of buckets between them.
    """
    at = np.flatnonzero(np.isin(series.steps, np.array(sample.steps, np.int64)))[:LARGEST_HISTORY]
    if sample.complete or bucket_count(len(at)) < 1:
        return series.take(at)
    within = series.take(between(series.steps, sample.start, sample.end))
    return downsample(within, np.arange(len(within)), len(at))
