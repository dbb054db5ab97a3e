"""A thinned-out chart keeps its ends and every bucket's extremes, and stays within its size."""

import math
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headwater.entities.metric import Series
from headwater.storage.metrics.downsample import Buckets, between, downsample, extremes

INT64 = st.integers(-(2**63), 2**63 - 1)
VALUES = st.one_of(st.floats(-1e300, 1e300), st.just(math.nan))


@st.composite
def series(draw: st.DrawFn) -> Series:
    axis = sorted(draw(st.lists(st.one_of(st.integers(0, 40), INT64), min_size=1, max_size=80)))
    values = draw(st.lists(VALUES, min_size=len(axis), max_size=len(axis)))
    # The timestamp is the position, so that a point can be told from its equals.
    return Series(np.array(axis, np.int64), np.arange(len(axis)), np.array(values))


@given(series(), st.integers(4, 40))
def test_at_most_so_many_points_in_order_with_both_ends(points: Series, most: int) -> None:
    kept = downsample(points, points.steps, most).timestamps.tolist()
    assert len(kept) <= most
    assert kept == sorted(set(kept))
    assert kept[0] == 0
    assert kept[-1] == len(points) - 1
    if len(points) <= most:
        assert len(kept) == len(points)


@given(series(), st.integers(4, 40))
def test_the_extremes_stay(points: Series, most: int) -> None:
    kept = downsample(points, points.steps, most).values
    if not np.isnan(points.values).all():
        assert np.nanmin(kept) == np.nanmin(points.values)
        assert np.nanmax(kept) == np.nanmax(points.values)
    else:
        assert np.isnan(kept).all()


def test_every_bucket_keeps_its_least_and_greatest_value() -> None:
    steps = np.arange(100_000)
    values = np.sin(steps / 500)
    values[54_321], values[54_400] = 9.0, -9.0
    kept = downsample(Series(steps, steps, values), steps, 202)
    assert {54_321, 54_400} <= set(kept.steps.tolist())
    for bucket in range(100):
        here = kept.values[(kept.steps >= bucket * 1_000) & (kept.steps < (bucket + 1) * 1_000)]
        expected = values[bucket * 1_000 : (bucket + 1) * 1_000]
        assert (here.min(), here.max()) == (expected.min(), expected.max())


@given(st.lists(st.one_of(st.integers(-40, 40), INT64), min_size=1).map(sorted), st.integers(1, 30))
def test_buckets_begin_where_the_first_of_their_positions_is(axis: list[int], count: int) -> None:
    positions = np.array(axis, np.int64)
    buckets = Buckets.between(axis[0], axis[-1], count)
    numbers = buckets.of(positions).tolist()
    assert buckets.starts(positions).tolist() == [
        numbers.index(number) for number in sorted(set(numbers))
    ]


@given(
    st.integers(4, 12),
    st.lists(st.sampled_from([0.0, 1.0, 2.0, math.nan]), min_size=1, max_size=5),
    st.randoms(use_true_random=False),
)
def test_what_is_kept_of_many_points_is_what_is_kept_of_few(
    most: int, values: list[float], random: Random
) -> None:
    many = np.array([random.choice(values) for _ in range(700)])
    steps = np.array(sorted(random.randrange(900) for _ in range(700)), np.int64)
    thinned = downsample(Series(steps, np.arange(700), many), steps, most)
    buckets = Buckets.between(int(steps[0]), int(steps[-1]), (most - 2) // 2)
    kept = {0, 699, *extremes(many, buckets.of(steps)).tolist()}
    assert thinned.timestamps.tolist() == sorted(kept)


@given(
    st.lists(st.integers(-20, 20)).map(sorted),
    st.none() | st.integers(-25, 25),
    st.none() | st.integers(-25, 25),
)
def test_a_range_includes_its_ends(axis: list[int], start: int | None, end: int | None) -> None:
    found = axis[between(np.array(axis, np.int64), start, end)]
    assert found == [x for x in axis if (start is None or x >= start) and (end is None or x <= end)]
