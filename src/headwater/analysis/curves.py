"""Learning curves in numbers: area, and time to a threshold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from headwater.analysis.inputs import FEW, sample, steps_of, whole
from headwater.analysis.result import HypothesisTest
from headwater.entities.metric import Float64s
from headwater.errors import AnalysisError


@dataclass(frozen=True)
class TimeTo:
    """When a curve reached a threshold."""

    reached: bool
    step: float
    """Of the first value at the threshold, interpolated; where never, the last step."""


def area(steps: ArrayLike, values: ArrayLike, *, mean_height: bool = True) -> float:
    """Return the area under a curve by trapezoids; by default divided by the range of the steps.

    The mean height is in units of the metric and compares curves of equal range only.
    """
    x, y = _curve(steps, values)
    total = float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum())
    return total / float(x[-1] - x[0]) if mean_height else total


def time_to_threshold(
    steps: ArrayLike,
    values: ArrayLike,
    threshold: float,
    *,
    higher_is_better: bool,
    stays: int = 1,
) -> TimeTo:
    """Return when a curve reaches a threshold and ``stays`` there for so many points.

    Between two points the curve is taken as straight. With ``stays > 1`` one lucky spike does not
    count. A curve that never does so is censored at its last step: compare such times with
    ``compare_times``, never by their mean.
    """
    x, y = _curve(steps, values)
    whole("stays", stays, 1)
    good = y >= threshold if higher_is_better else y <= threshold
    if stays > good.size:
        return TimeTo(False, float(x[-1]))
    lasting = np.lib.stride_tricks.sliding_window_view(good, stays).all(axis=1)
    if not lasting.any():
        return TimeTo(False, float(x[-1]))
    first = int(np.argmax(lasting))
    if first == 0:
        return TimeTo(True, float(x[0]))
    share = (threshold - y[first - 1]) / (y[first] - y[first - 1])
    return TimeTo(True, float(x[first - 1] + share * (x[first] - x[first - 1])))


def compare_times(a: Sequence[TimeTo], b: Sequence[TimeTo]) -> HypothesisTest:
    """Test whether two groups take equally long, runs that never get there being censored.

    The log-rank test: the statistic is positive where a gets there earlier than if both were equal.
    Source: Mantel, Cancer Chemother. Rep. 50 (1966), 163-170.
    """
    for name, times in (("a", a), ("b", b)):
        if len(times) < 2:
            raise AnalysisError(f"{name} has {len(times)} times, at least 2 are needed; add runs.")
    if not any(time.reached for time in (*a, *b)):
        raise AnalysisError("no run reaches the threshold; choose one that some do.")
    found = stats.logrank(_censored(a), _censored(b))
    return HypothesisTest(
        method="log-rank test",
        null="a and b reach the threshold equally fast",
        statistic_name="z",
        statistic=float(found.statistic),
        df=(),
        p_value=float(found.pvalue),
        alternative="two-sided",
        exact=False,
        sizes=(len(a), len(b)),
        assumptions=(
            "runs are independent",
            "a run's end has nothing to do with how it would have gone on",
        ),
        warnings=_told(a, b),
    )


def _told(a: Sequence[TimeTo], b: Sequence[TimeTo]) -> tuple[str, ...]:
    found: tuple[str, ...] = ()
    never = [sum(not time.reached for time in times) for times in (a, b)]
    if any(never):
        found += (f"{never[0]} of {len(a)} runs of a and {never[1]} of {len(b)} of b never do.",)
    if min(len(a), len(b)) < FEW:
        found += (f"Fewer than {FEW} runs in a group: the normal approximation is rough.",)
    return found


def _curve(steps: ArrayLike, values: ArrayLike) -> tuple[Float64s, Float64s]:
    y = sample("values", values)
    return steps_of(steps, y.size, 2), y


def _censored(times: Sequence[TimeTo]) -> stats.CensoredData:
    return stats.CensoredData(
        uncensored=[time.step for time in times if time.reached],
        right=[time.step for time in times if not time.reached],
    )
