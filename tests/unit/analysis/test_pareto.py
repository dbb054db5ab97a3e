"""Pareto fronts and hypervolumes, by brute force and by known answers."""

import itertools
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.analysis.pareto import hypervolume, pareto_front
from headwater.entities.pareto_front import Direction
from headwater.errors import AnalysisError

DIRECTIONS = st.sampled_from(get_args(Direction))
# Few values, so that ties and duplicates are common.
VALUES = st.sampled_from([0.0, 1.0, 2.0, 3.0, -1.0, 0.5, float("nan"), float("inf")])


@st.composite
def problems(draw: st.DrawFn, most: int, rows: int = 25) -> tuple[np.ndarray, list[Direction]]:
    count = draw(st.integers(2, most))
    directions = draw(st.lists(DIRECTIONS, min_size=count, max_size=count))
    table = draw(st.lists(st.lists(VALUES, min_size=count, max_size=count), max_size=rows))
    return np.array(table, np.float64).reshape(-1, count), directions


def signed(points: np.ndarray, directions: list[Direction]) -> np.ndarray:
    """Turn the points so that less is better."""
    return points * [-1 if direction == "max" else 1 for direction in directions]


@settings(deadline=None)
@given(problems(4))
def test_the_front_is_what_no_point_dominates(
    problem: tuple[np.ndarray, list[Direction]],
) -> None:
    points, directions = problem
    costs = signed(points, directions)
    usable = [place for place in range(len(points)) if np.isfinite(points[place]).all()]
    front = {
        a
        for a in usable
        if not any((costs[b] <= costs[a]).all() and (costs[b] < costs[a]).any() for b in usable)
    }
    found = pareto_front(points, directions)
    assert set(found.front) == front
    assert len(found.front) == len(front)
    assert set(found.unusable) == set(range(len(points))) - set(usable)
    first = [costs[place][0] for place in found.front]
    assert first == sorted(first)
    equal = {a for a in front for b in front if a != b and (points[a] == points[b]).all()}
    assert {place for places in found.duplicates for place in places} == equal
    for places in found.duplicates:
        assert len({tuple(points[place]) for place in places}) == 1


@settings(deadline=None, max_examples=60)
@given(problems(3, rows=9))
def test_the_hypervolume_is_that_of_the_cells_which_are_dominated(
    problem: tuple[np.ndarray, list[Direction]],
) -> None:
    points, directions = problem
    reference = [1.75] * len(directions)
    costs, worst = signed(points, directions), signed(np.array(reference), directions)
    costs = costs[np.isfinite(costs).all(axis=1)]
    edges = [
        np.unique(np.append(np.minimum(costs[:, axis], worst[axis]), worst[axis]))
        for axis in range(len(directions))
    ]
    volume = 0.0
    for cell in itertools.product(*(range(len(each) - 1) for each in edges)):
        corner = np.array([each[place] for each, place in zip(edges, cell, strict=True)])
        far = np.array([each[place + 1] for each, place in zip(edges, cell, strict=True)])
        if (costs <= corner).all(axis=1).any():
            volume += float((far - corner).prod())
    assert hypervolume(points, reference, directions) == pytest.approx(volume)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=40))
def test_the_front_has_all_of_the_hypervolume(points: list[tuple[float, float]]) -> None:
    front = [points[place] for place in pareto_front(points, ["max", "min"]).front]
    whole = hypervolume(points, [0, 1], ["max", "min"])
    assert hypervolume(front, [0, 1], ["max", "min"]) == pytest.approx(whole)
    assert 0 <= whole <= 1


def test_known_answers() -> None:
    points = [(1, 5), (2, 3), (4, 1), (3, 3), (2, 3)]
    found = pareto_front(points, ["min", "min"])
    assert found.front == (0, 1, 4, 2)
    assert found.duplicates == ((1, 4),)
    # (6-1)(6-5) + (6-2)(5-3) + (6-4)(3-1)
    assert hypervolume(points, [6, 6], ["min", "min"]) == 17
    assert hypervolume([(1, 1, 1), (0, 0, 2)], [3, 3, 3], ["min"] * 3) == 4 * 2 + 9 - 4
    assert pareto_front([], ["min", "max"]).front == ()
    assert hypervolume([], [0, 0], ["min", "max"]) == 0


def test_many_points_take_little_time() -> None:
    """A front of all points, for which comparing each with each would take minutes."""
    x = np.arange(100_000.0)
    assert len(pareto_front(np.column_stack([x, -x]), ["min", "min"]).front) == 100_000
    assert hypervolume(np.column_stack([x, -x]), [1e5, 1], ["min", "min"]) > 0


@pytest.mark.parametrize(
    ("points", "directions", "message"),
    [
        ([(1,)], ["min"], "two or more"),
        ([(1, 2)], ["min", "up"], "'up'"),
        ([(1, 2, 3)], ["min", "max"], "2 numbers each"),
        ([("a", "b")], ["min", "max"], "no table"),
    ],
)
def test_what_is_no_problem_is_refused(
    points: list[tuple[float, ...]], directions: list[Direction], message: str
) -> None:
    with pytest.raises(AnalysisError, match=message):
        pareto_front(points, directions)


def test_a_volume_needs_a_reference_of_two_or_three_numbers() -> None:
    with pytest.raises(AnalysisError, match="4 objectives"):
        hypervolume([(1, 2, 3, 4)], [1, 2, 3, 4], ["min"] * 4)
    with pytest.raises(AnalysisError, match="finite"):
        hypervolume([(1, 2)], [np.inf, 1], ["min", "min"])
