"""Merging and ordering of points agree with plain Python on tuples."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headwater.entities.metric import Points, Series
from headwater.storage.metrics.merge import by_step, latest_positions, merged

SMALL = st.integers(0, 3)
VALUE = st.sampled_from([0.0, 1.0, -1.0, math.nan])
POINT = st.tuples(SMALL, SMALL, VALUE)  # step, timestamp, value


def series(points: list[tuple[int, int, float]]) -> Series:
    return Series(
        np.array([step for step, _, _ in points], np.int64),
        np.array([timestamp for _, timestamp, _ in points], np.int64),
        np.array([value for _, _, value in points], np.float64),
    )


def identity(point: tuple[int, int, float]) -> tuple[int, int, float, bool]:
    """MLflow's primary key of a row: NaN is 0 beside a flag."""
    step, timestamp, value = point
    return step, timestamp, 0.0 if math.isnan(value) else value, math.isnan(value)


def identities(found: Series) -> list[tuple[int, int, float, bool]]:
    columns = zip(
        found.steps.tolist(), found.timestamps.tolist(), found.values.tolist(), strict=True
    )
    return [identity(point) for point in columns]


@given(st.lists(st.lists(POINT, min_size=1, max_size=12), min_size=1, max_size=4))
def test_merged_is_sorted_and_free_of_duplicates(
    pieces: list[list[tuple[int, int, float]]],
) -> None:
    distinct = {identity(point) for piece in pieces for point in piece}
    expected = sorted(distinct, key=lambda row: (row[1], row[0], row[2], row[3]))
    assert identities(merged([series(piece) for piece in pieces])) == expected


@given(st.lists(POINT, min_size=1, max_size=12))
def test_by_step_sorts_by_step_first(points: list[tuple[int, int, float]]) -> None:
    distinct = {identity(point) for point in points}
    assert identities(by_step(merged([series(points)]))) == sorted(distinct)


@given(st.lists(st.tuples(st.integers(0, 2), POINT), min_size=1, max_size=20))
def test_latest_positions_finds_the_greatest_point_of_each_key(
    points: list[tuple[int, tuple[int, int, float]]],
) -> None:
    columns = series([point for _, point in points])
    logged = Points(
        ("a", "b", "c"),
        np.array([key for key, _ in points]),
        columns.steps,
        columns.timestamps,
        columns.values,
    )
    found = {
        int(logged.key_index[at]): identities(columns.take(np.array([at])))[0][:3]
        for at in latest_positions(logged)
    }
    expected: dict[int, tuple[int, int, float]] = {}
    for key, point in points:
        step, timestamp, value, _ = identity(point)
        expected[key] = max(expected.get(key, (step, timestamp, value)), (step, timestamp, value))
    assert found == expected
