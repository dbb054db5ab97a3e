"""Importances: functions whose variance is known, variances by brute force, what is told."""

import itertools
import json
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.analysis.forest import Boxes, Deadline, grow
from headwater.analysis.importance import importance
from headwater.analysis.param_columns import associations, param_columns
from headwater.analysis.variance_shares import VarianceShares
from headwater.entities.importance import Importance
from headwater.errors import AnalysisError, ConfigurationError


def by_name(found: Importance) -> dict[str, tuple[float, float]]:
    return {each.param: (each.permutation, each.variance) for each in found.params}


def test_ishigamis_function() -> None:
    """Shares by itself of x1, x2, x3: 0.314, 0.442, 0; of x1 and x3 together: 0.244."""
    rng = np.random.default_rng(1)
    x = rng.uniform(-np.pi, np.pi, (1500, 4))
    y = np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])
    params = {f"x{place + 1}": x[:, place].tolist() for place in range(4)}
    found = importance(params, y.tolist(), trees=40)
    shares = by_name(found)
    assert found.r_squared > 0.9
    assert found.warnings == ()
    assert shares["x1"][1] == pytest.approx(0.314, abs=0.06)
    assert shares["x2"][1] == pytest.approx(0.442, abs=0.12)  # trees take narrow waves for noise
    assert shares["x3"][1] == pytest.approx(0, abs=0.02)
    assert shares["x4"] == pytest.approx((0, 0), abs=0.01)
    first = found.interactions[0]
    assert (first.a, first.b) == ("x1", "x3")
    assert first.variance == pytest.approx(0.244, abs=0.06)
    # Permuting counts twice the total shares: 0.558, 0.442 and 0.244.
    assert [each.param for each in found.params] == ["x1", "x2", "x3", "x4"]
    assert shares["x1"][0] == pytest.approx(2 * 0.558, abs=0.15)
    assert shares["x3"][0] == pytest.approx(2 * 0.244, abs=0.15)


def test_an_additive_function_of_texts_and_numbers() -> None:
    """Variances 9/12, 1/12 and, of an even choice of 0 or 1, 1/4."""
    rng = np.random.default_rng(2)
    a, b, c = rng.uniform(size=600), rng.uniform(size=600), rng.integers(0, 2, 600)
    params = {
        "a": [f"{value:.6f}" for value in a],
        "b": b.tolist(),
        "choice": ["yes" if value else None for value in c],
        "fixed": ["1"] * 600,
        "path": [f"/runs/{place}" for place in range(600)],
    }
    found = importance(params, (3 * a + b + c).tolist(), trees=30)
    shares = by_name(found)
    total = 13 / 12
    assert shares["a"][1] == pytest.approx(0.75 / total, abs=0.05)
    assert shares["choice"][1] == pytest.approx(0.25 / total, abs=0.05)
    assert shares["b"][1] == pytest.approx(1 / 12 / total, abs=0.05)
    assert {each.param: each.reason for each in found.left_out} == {
        "fixed": "it is the same in all runs",
        "path": "it has 600 different texts in 600 runs",
    }
    choice = next(each for each in found.params if each.param == "choice")
    assert (choice.kind, choice.scale, choice.distinct) == ("category", None, 2)
    assert choice.absent == np.count_nonzero(c == 0)
    for each in found.params:
        assert each.variance_low <= each.variance <= each.variance_high
        assert each.permutation_low <= each.permutation <= each.permutation_high


def test_scales_do_not_matter_and_are_told() -> None:
    rng = np.random.default_rng(3)
    exponent = rng.uniform(-5, -1, 100)
    noise = rng.uniform(size=100).tolist()
    lr = (10**exponent).tolist()
    y = exponent.tolist()
    by_log = importance({"lr": lr, "x": noise}, y, trees=10)
    by_exponent = importance({"lr": exponent.tolist(), "x": noise}, y, trees=10)
    assert by_name(by_log) == by_name(by_exponent)
    assert [each.scale for each in by_log.params] == ["log", "linear"]
    assert [each.scale for each in by_exponent.params] == ["linear", "linear"]


def test_the_same_seed_gives_the_same_digits_in_another_process() -> None:
    program = (
        "import json; from dataclasses import asdict\n"
        "from headwater.analysis.importance import importance\n"
        "params = {'a': list(range(40)), 'b': [i * 7 % 11 for i in range(40)]}\n"
        "values = [i * 3 % 17 + i / 9 for i in range(40)]\n"
        "print(json.dumps(asdict(importance(params, values, trees=10, seed=5))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    params = {"a": list(range(40)), "b": [i * 7 % 11 for i in range(40)]}
    values = [i * 3 % 17 + i / 9 for i in range(40)]
    here = importance(params, values, trees=10, seed=5)
    assert json.loads(done.stdout) == json.loads(json.dumps(asdict(here)))
    assert by_name(here) != by_name(importance(params, values, trees=10, seed=6))


def test_what_cannot_be_relied_on_is_told() -> None:
    rng = np.random.default_rng(4)
    a = rng.uniform(size=40)
    values = rng.normal(size=40)
    values[:3] = np.nan, np.inf, -np.inf
    found = importance({"a": a.tolist(), "twice": (2 * a).tolist()}, values.tolist(), trees=20)
    assert (found.runs, found.unusable) == (37, 3)
    assert found.r_squared < 0.3
    told = " ".join(found.warnings)
    assert ("say nothing" in told) == (found.r_squared <= 0)
    assert ("explains only" in told) == (found.r_squared > 0)
    assert "only 37 runs" in told
    assert "share their importance: a and twice." in told
    assert "3 of 40 runs have no finite value" in told
    assert found.associations[0].strength == pytest.approx(1)


def test_huge_values_do_not_overflow() -> None:
    a = np.linspace(0, 1, 30)
    found = importance({"a": a.tolist()}, (1e308 * a).tolist(), trees=10)
    assert found.r_squared > 0.9


@pytest.mark.parametrize(
    ("params", "values", "message"),
    [
        ({"a": list(range(9))}, list(range(9)), "at least 10"),
        ({"a": list(range(20))}, [1.0] * 20, "all the same"),
        ({"a": list(range(20))}, [float("nan")] * 20, "at least 10"),
        ({"a": [1] * 20}, list(range(20)), "no param varies"),
        ({}, list(range(20)), "no param varies"),
        ({"a": [1, 2]}, list(range(20)), "2 values for 20 runs"),
    ],
)
def test_what_cannot_be_computed_is_refused(
    params: dict[str, list[float]], values: list[float], message: str
) -> None:
    with pytest.raises(AnalysisError, match=message):
        importance(params, values)


def test_scikit_learn_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.tree", None)
    with pytest.raises(ConfigurationError, match="pip install scikit-learn"):
        importance({"a": list(range(20))}, list(range(20)))


def test_it_ends_in_time() -> None:
    with pytest.raises(AnalysisError, match="longer than 1e-09 s"):
        importance({"a": list(range(20))}, list(range(20)), seconds=1e-9)


def test_columns_of_numbers_texts_and_absence() -> None:
    columns, _ = param_columns({"depth": ["none", "10", None, "9", "9.0", "1e1", "nan", "1_0"]}, 8)
    (column,) = columns
    # Absence, "1_0", "nan", "none", then 9 and 10.
    assert column.ranks.tolist() == [3, 5, 0, 4, 4, 5, 2, 1]
    assert (column.categories, column.kind, column.absent) == (4, "number and category", 1)


def test_categories_that_go_together_are_found() -> None:
    rng = np.random.default_rng(5)
    model = rng.choice(["a", "b", "c"], 300)
    size = [{"a": 1, "b": 2, "c": 3}[each] for each in model]
    columns, _ = param_columns(
        {"model": model.tolist(), "size": size, "free": rng.choice(["x", "y"], 300).tolist()}, 300
    )
    (found,) = associations(columns)
    assert (found.a, found.b, found.method) == ("model", "size", "Cramér's V")
    assert found.strength > 0.95


def brute_force(
    table: np.ndarray, weights: list[np.ndarray]
) -> tuple[float, list[float], dict[tuple[int, int], float]]:
    """Divide the variance of a function on a grid by averaging it over all other axes."""
    axes = range(table.ndim)

    def mean(*kept: int) -> np.ndarray:
        found = table
        for axis in axes:
            if axis not in kept:
                shape = [-1 if other == axis else 1 for other in axes]
                found = (found * weights[axis].reshape(shape)).sum(axis=axis, keepdims=True)
        return found

    def variance(values: np.ndarray, *kept: int) -> float:
        for axis in axes:
            if axis in kept:
                shape = [-1 if other == axis else 1 for other in axes]
                values = (values * weights[axis].reshape(shape)).sum(axis=axis, keepdims=True)
        return float(values.sum())

    centre = mean()
    single = [variance((mean(u) - centre) ** 2, u) for u in axes]
    pairs = {
        (u, v): variance((mean(u, v) - mean(u) - mean(v) + centre) ** 2, u, v)
        for u, v in itertools.combinations(axes, 2)
    }
    return variance((table - centre) ** 2, *axes), single, pairs


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(12, 60))
def test_the_variance_of_a_tree_is_divided_exactly(seed: int, runs: int) -> None:
    rng = np.random.default_rng(seed)
    ranks = np.stack(
        [np.unique(rng.integers(0, size, runs), return_inverse=True)[1] for size in (3, 5, 9)],
        axis=1,
    )
    y = rng.normal(size=runs) + ranks[:, 0] * ranks[:, 1]
    (tree,) = grow(ranks, y, 1, rng, Deadline(None)).trees
    weights = [np.bincount(column) / runs for column in ranks.T]
    table = np.full([each.size for each in weights], np.nan)
    boxes: Boxes = tree.boxes()
    for low, high, value in zip(boxes.low, boxes.high, boxes.value, strict=True):
        cells = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        assert np.isnan(table[cells]).all()  # no two leaves overlap
        table[cells] = value
    assert np.isfinite(table).all()  # and none is missing
    total, single, pairs = brute_force(table, weights)
    found = VarianceShares(boxes, weights)
    assert found.total == pytest.approx(total, abs=1e-9)
    assert found.single.tolist() == pytest.approx(single, abs=1e-9)
    for (u, v), variance in pairs.items():
        assert found.pair(u, v) == pytest.approx(variance, abs=1e-9)
