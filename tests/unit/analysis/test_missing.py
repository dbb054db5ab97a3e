"""Policies for unusable values: all are told of, none is left out in silence."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from headwater.analysis.missing import Policy, treat
from headwater.errors import AnalysisError

NAN, INF = float("nan"), float("inf")
values = st.lists(st.one_of(st.floats(-9, 9), st.sampled_from([NAN, INF, -INF])), min_size=1)


def test_omitting_keeps_pairs_together() -> None:
    groups = {"a": [1, NAN, 3, 4], "b": [5, 6, INF, 8]}
    found = treat(groups, policy="omit", paired=True)
    assert {name: array.tolist() for name, array in found.groups.items()} == {
        "a": [1, 4],
        "b": [5, 8],
    }
    assert found.kept == {"a": (0, 3), "b": (0, 3)}
    told = [(item.group, item.position, item.action) for item in found.unusable]
    assert told == [
        ("a", 1, "left out"),
        ("a", 2, "left out with its pair"),
        ("b", 1, "left out with its pair"),
        ("b", 2, "left out"),
    ]
    apart = treat(groups, policy="omit")
    assert apart.kept == {"a": (0, 2, 3), "b": (0, 1, 3)}
    assert "runs that succeed" in apart.warnings[-1]


def test_the_worst_value_follows_the_direction() -> None:
    groups = {"a": [0.5, None], "b": [0.1, 0.9]}
    found = treat(groups, policy="worst")  # type: ignore[arg-type]
    assert found.groups["a"].tolist() == [0.5, 0.1]
    loss = treat(groups, policy="worst", higher_is_better=False)  # type: ignore[arg-type]
    assert loss.groups["a"].tolist() == [0.5, 0.9]
    assert loss.unusable[0].replacement == 0.9


def test_groups_that_fail_differently_are_told() -> None:
    found = treat({"a": [NAN] * 6 + [1.0] * 2, "b": [1.0] * 8}, policy="value", value=0.5)
    wanted = stats.fisher_exact([[6, 2], [0, 8]]).pvalue
    assert found.failure_p_value == pytest.approx(wanted)
    assert any("different frequency" in warning for warning in found.warnings)
    assert found.groups["a"].tolist() == [0.5] * 6 + [1.0] * 2


@settings(deadline=None, max_examples=50)
@given(values, values, st.sampled_from(["omit", "value"]))
def test_every_value_is_kept_or_told_of(a: list[float], b: list[float], policy: Policy) -> None:
    value = 0.0 if policy == "value" else None
    found = treat({"a": a, "b": b}, policy=policy, value=value)
    for name, given_values in (("a", a), ("b", b)):
        assert np.isfinite(found.groups[name]).all()
        told = {item.position for item in found.unusable if item.group == name}
        assert told == {i for i, v in enumerate(given_values) if not math.isfinite(v)}
        usable = [v for v in given_values if math.isfinite(v)]
        same = [found.groups[name][i] for i, p in enumerate(found.kept[name]) if p not in told]
        assert same == usable
    assert bool(found.warnings) == bool(found.unusable)


def test_refusals() -> None:
    with pytest.raises(AnalysisError, match=r"b has 1 of 2 values.*\(at 1\); choose policy="):
        treat({"a": [1, 2], "b": [1, NAN]}, policy="refuse")
    assert treat({"a": [1.0]}, policy="refuse").groups["a"].tolist() == [1]
    with pytest.raises(AnalysisError, match="needs a finite number"):
        treat({"a": [1]}, policy="value")
    with pytest.raises(AnalysisError, match="value is given, but the policy is 'omit'"):
        treat({"a": [1]}, policy="omit", value=1)
    with pytest.raises(AnalysisError, match="no usable value"):
        treat({"a": [NAN]}, policy="worst")
    with pytest.raises(AnalysisError, match="groups differ in size"):
        treat({"a": [1], "b": [1, 2]}, policy="omit", paired=True)
    with pytest.raises(AnalysisError, match="groups is empty"):
        treat({}, policy="omit")
