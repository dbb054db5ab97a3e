"""Samples hold no more points than MLflow's, and lose no spike."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.drawings import check

from headwater.entities.drawing import Cut, Drawing
from headwater.entities.metric import Series
from headwater.tracking.sample import points_at, sample_steps


def line(steps: range) -> Series:
    columns = np.array(steps, np.int64)
    return Series(columns, columns, columns.astype(np.float64))


def test_sampled_steps_are_shared_by_the_runs() -> None:
    histories = {"a": line(range(0, 100, 2)), "b": line(range(1, 40))}
    sample = sample_steps(histories, 4, None)
    distinct = sorted({*range(0, 100, 2), *range(1, 40)})
    picks = {distinct[int(i * len(distinct) / 4)] for i in range(4)} | {98, 0, 1, 39}
    assert sample.steps == sorted(picks)
    assert not sample.complete
    shown = points_at(histories["b"], sample).steps.tolist()
    assert len(shown) <= len([step for step in picks if 1 <= step < 40])


def test_steps_below_zero_are_sampled_only_on_request() -> None:
    histories = {"a": line(range(-5, 5))}
    without = points_at(histories["a"], sample_steps(histories, 100, None))
    asked = points_at(histories["a"], sample_steps(histories, 100, (-5, 5)))
    assert without.steps.tolist() == [0, 1, 2, 3, 4]
    assert asked.steps.tolist() == list(range(-5, 5))


@given(
    runs=st.lists(
        st.lists(st.tuples(st.integers(-3, 60), st.integers(-9, 9)), min_size=1, max_size=60),
        min_size=1,
        max_size=3,
    ),
    most=st.integers(1, 30),
    interval=st.none() | st.tuples(st.integers(-3, 20), st.integers(20, 60)),
)
def test_as_many_points_as_lie_at_the_sampled_steps_and_all_extremes(
    runs: list[list[tuple[int, int]]], most: int, interval: tuple[int, int] | None
) -> None:
    histories = {}
    for number, points in enumerate(runs):
        steps = sorted(step for step, _ in points)
        columns = (steps, range(len(points)), [float(value) for _, value in points])
        histories[str(number)] = Series(*(np.array(column) for column in columns))
    sample = sample_steps(histories, most, interval)
    for history in histories.values():
        shown = points_at(history, sample)
        at_steps = history.take(np.isin(history.steps, sample.steps))
        if sample.complete or len(at_steps) < 4:
            assert shown.timestamps.tolist() == at_steps.timestamps.tolist()
            continue
        within = history.take((history.steps >= sample.start) & (history.steps <= sample.end))
        cut = Cut("row", sample.start, sample.end, len(at_steps))
        check(Drawing(len(within), shown), history, cut)
