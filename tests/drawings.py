"""What a chart of a series owes its viewer, checked against all of the series' points."""

import numpy as np

from headwater.entities.drawing import Cut, Drawing
from headwater.entities.metric import Float64s, Int64s, Series
from headwater.storage.metrics.downsample import between, bucket_count
from headwater.storage.metrics.merge import by_step


def in_range(history: Series, cut: Cut) -> tuple[Series, Int64s]:
    """Return the points of a merged history that a cut wants, in its order, and where they lie."""
    if cut.axis == "time":
        within = history.take(between(history.timestamps, cut.start, cut.end))
        return within, within.timestamps
    ordered = by_step(history)
    within = ordered.take(between(ordered.steps, cut.start, cut.end))
    return within, np.arange(len(within)) if cut.axis == "row" else within.steps


def rows(points: Series) -> list[tuple[int, int, str]]:
    columns = (points.steps.tolist(), points.timestamps.tolist(), points.values.tolist())
    return [(step, time, repr(value)) for step, time, value in zip(*columns, strict=True)]


def check(drawing: Drawing, history: Series, cut: Cut) -> None:
    """Check everything that `MetricEngine.drawn` promises, for series that are read in pieces."""
    within, axis = in_range(history, cut)
    every, drawn = rows(within), rows(drawing.points)
    assert drawing.total == len(every)
    assert len(drawn) <= cut.most
    places = [every.index(point) for point in drawn]
    assert places == sorted(set(places)), "in order, and each point once"
    if len(every) <= cut.most:
        assert drawn == every
        return
    assert drawn[-1] == every[-1]
    if cut.most > 1:
        assert drawn[0] == every[0]
    count = bucket_count(cut.most)
    if count < 1:
        return
    reach = 1.5 * (float(int(axis[-1]) - int(axis[0])) / count)
    if cut.axis == "row" and not (np.diff(history.steps) >= 0).all():
        reach = float(len(axis))  # positions are approximate there
    at = axis[places]
    _no_spike_is_lost(within.values, axis, drawing.points.values, at, reach)
    _no_spike_is_lost(-within.values, axis, -drawing.points.values, at, reach)


def _no_spike_is_lost(
    values: Float64s, axis: Int64s, drawn: Float64s, drawn_at: Int64s, reach: float
) -> None:
    """Check that near each point one at least as great is drawn: of its own bucket.

    A bucket, and what of its points reaches beyond it, is at most one and a half as wide as the
    even part of the axis.
    """
    for value, position in zip(values.tolist(), axis.tolist(), strict=True):
        near = [abs(int(other) - position) <= reach * (1 + 1e-9) for other in drawn_at]
        if value == value:  # not a NaN
            assert (drawn[near] >= value).any(), (value, position)
        else:
            assert any(near)
