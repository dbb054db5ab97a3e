"""Aggregates over ranks say, of every value of every rank, what a plain loop would."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headwater.entities.metric import Series
from headwater.entities.rank_key import rank_key, rank_of
from headwater.tracking.over_ranks import over_ranks

Point = tuple[int, int, float]
VALUES = st.one_of(st.just(math.nan), st.floats(-1e6, 1e6))
POINTS = st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 99), VALUES), max_size=30)


def series(points: list[Point]) -> Series:
    steps, times, values = zip(*points, strict=True) if points else ((), (), ())
    return Series(
        np.array(steps, np.int64), np.array(times, np.int64), np.array(values, np.float64)
    )


def last_of_steps(points: list[Point]) -> dict[int, tuple[int, float]]:
    return {step: (time, value) for step, time, value in sorted(points, key=lambda p: p[:2])}


@given(st.dictionaries(st.integers(0, 9), POINTS, max_size=4), st.integers(1, 40))
def test_every_row_is_what_a_loop_finds(given_points: dict[int, list[Point]], rows: int) -> None:
    found = over_ranks({rank: series(points) for rank, points in given_points.items()}, rows)
    kept = {rank: last_of_steps(points) for rank, points in given_points.items()}
    steps = sorted({step for points in kept.values() for step in points})
    assert len(found.steps) <= rows
    assert set(found.steps.tolist()) <= set(steps)
    ends = [*found.steps.tolist()[1:], 10**6][: len(found.steps)]
    for row, (start, end) in enumerate(zip(found.steps.tolist(), ends, strict=True)):
        of_row = [
            (rank, step, *kept[rank][step])
            for rank in sorted(kept)
            for step in sorted(kept[rank])
            if start <= step < end
        ]
        numbers = [(value, rank) for rank, _, _, value in of_row if not math.isnan(value)]
        if numbers:
            assert found.least[row] == min(numbers)[0]
            assert found.most[row] == max(numbers)[0]
            assert (found.least[row], found.least_rank[row]) in numbers
            assert (found.most[row], found.most_rank[row]) in numbers
            mean = sum(value for value, _ in numbers) / len(numbers)
            assert math.isclose(found.mean[row], mean, rel_tol=1e-9, abs_tol=1e-6)
        else:
            assert math.isnan(found.mean[row])
            assert math.isnan(found.least[row])
        lags = {}
        for step in {step for _, step, _, _ in of_row}:
            times = [time for _, one, time, _ in of_row if one == step]
            lags[step] = max(times) - min(times)
        assert found.lag[row] == max(lags.values())


def test_the_rank_that_comes_last_is_the_straggler() -> None:
    found = over_ranks(
        {0: series([(1, 10, 1.0)]), 1: series([(1, 35, 3.0)]), 2: series([(1, 12, 2.0)])}, 10
    )
    assert (found.straggler.tolist(), found.lag.tolist()) == ([1], [25])
    assert (found.count.tolist(), found.mean.tolist()) == ([3], [2.0])
    assert (found.least_rank.tolist(), found.most_rank.tolist()) == ([0], [1])


@given(st.text(min_size=1, max_size=9), st.integers(0, 9_999))
def test_a_key_tells_its_rank(metric: str, rank: int) -> None:
    assert rank_of(rank_key(metric, rank), metric) == rank


def test_other_keys_tell_none() -> None:
    for key in ("loss/rank/0", "loss/rank/01", "loss/rank/x", "loss/rank/1/x", "lossy", "acc"):
        assert rank_of(key, "loss") is None


def test_steps_may_lie_as_far_apart_as_int64_allows() -> None:
    steps = [-(2**63), 2**62 - 1, 2**62, 2**63 - 1]
    found = over_ranks({0: series([(step, 0, 1.0) for step in steps])}, 3)
    assert found.steps[0] == steps[0]
    assert 1 < len(found.steps) <= 3
