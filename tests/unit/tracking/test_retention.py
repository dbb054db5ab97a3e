"""Which runs rules let go, and what keeps a run whatever the rules say."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headwater.tracking.retention import (
    Candidate,
    KeepBest,
    RetentionRule,
    plan_retention,
)

DAY = 86_400_000
NOW = 1_000 * DAY
ALL = RetentionRule("all")


def run(run_id: str, **changes: Any) -> Candidate:
    known: dict[str, Any] = {
        "name": run_id,
        "experiment_id": 1,
        "experiment": "sweep-a",
        "status": "FINISHED",
        "deleted": False,
        "ended": NOW - 10 * DAY,
        "deleted_time": None,
        "points": 0,
    }
    return Candidate(run_id, **(known | changes))


def removed(rule: RetentionRule, *runs: Candidate) -> list[str]:
    return [run.run_id for run, _ in plan_retention([rule], runs, NOW).removed]


def reasons(rule: RetentionRule, *runs: Candidate) -> dict[str, str]:
    return {kept.run.run_id: kept.reason for kept in plan_retention([rule], runs, NOW).kept}


def test_every_condition_must_be_met() -> None:
    rule = RetentionRule("r", ("sweep-*",), 5 * DAY, {"stage": "scratch*"}, {"FAILED"})
    match = {"status": "FAILED", "tags": {"stage": "scratch-1"}}
    assert removed(
        rule,
        run("goes", **match),
        run("other experiment", **match, experiment="prod"),
        run("too young", **match | {"ended": NOW - 4 * DAY}),
        run("other tag", **match | {"tags": {"stage": "x"}}),
        run("no tag", **match | {"tags": {}}),
        run("other status", **match | {"status": "FINISHED"}),
    ) == ["goes"]


def test_an_experiment_may_be_named_by_its_id() -> None:
    assert removed(RetentionRule("r", ("2",)), run("a"), run("b", experiment_id=2)) == ["b"]


def test_runs_that_go_on_are_not_let_go() -> None:
    assert removed(ALL, *(run(s, status=s) for s in ("RUNNING", "SCHEDULED", "KILLED"))) == [
        "KILLED"
    ]


def test_deleted_runs_count_from_their_deletion() -> None:
    rule = RetentionRule("r", older_than=5 * DAY, deleted=True)
    assert removed(
        rule,
        run("active"),
        run("just now", deleted=True, deleted_time=NOW - DAY),
        run("long ago", deleted=True, deleted_time=NOW - 6 * DAY, status="RUNNING"),
    ) == ["long ago"]


def test_the_best_of_each_experiment_stay() -> None:
    rule = RetentionRule("r", keep_best=KeepBest("acc", 1))
    runs = [
        run("a1", metrics={"acc": 0.1}),
        run("a2", metrics={"acc": 0.9}),
        run("a3"),
        run("a4", metrics={"acc": 0.95}, deleted=True),
        run("b1", metrics={"acc": 0.2}, experiment_id=2),
    ]
    assert removed(rule, *runs) == ["a1", "a3", "a4"]
    assert reasons(rule, *runs) == dict.fromkeys(("a2", "b1"), "among the best of rule 'r'")
    fewest = RetentionRule("r", keep_best=KeepBest("acc", 1, minimize=True))
    assert removed(fewest, *runs) == ["a2", "a3", "a4"]


def test_the_best_stay_however_old_and_whatever_another_rule_says() -> None:
    keeps = RetentionRule("keeps", older_than=90 * DAY, keep_best=KeepBest("acc", 1))
    runs = [run("best", metrics={"acc": 1.0}), run("other")]
    plan = plan_retention([ALL, keeps], runs, NOW)
    assert [(r.run_id, rule) for r, rule in plan.removed] == [("other", "all")]


def test_registered_and_tagged_runs_stay() -> None:
    runs = [run("a", registered="churn/3"), run("b", tags={"headwater.keep": ""}), run("c")]
    assert removed(ALL, *runs) == ["c"]
    assert reasons(ALL, *runs) == {"a": "registered as churn/3", "b": "tagged headwater.keep"}


def test_parents_stay_with_a_child_and_go_after_it() -> None:
    tree = [run("top"), run("middle", parent="top"), run("leaf", parent="middle")]
    assert removed(ALL, *tree) == ["leaf", "middle", "top"]
    kept_leaf = [*tree[:2], run("leaf", parent="middle", status="RUNNING")]
    assert removed(ALL, *kept_leaf) == []
    assert reasons(ALL, *kept_leaf) == dict.fromkeys(("top", "middle"), "has a child that stays")
    kept_top = [run("top", registered="m/1"), *tree[1:]]
    assert removed(ALL, *kept_top) == ["leaf", "middle"]


IDS = [f"r{number}" for number in range(6)]
RUNS = st.lists(
    st.builds(
        lambda run_id, parent, status, registered, age: run(
            run_id,
            parent=parent,
            status=status,
            registered=registered,
            ended=NOW - age * DAY,
        ),
        st.sampled_from(IDS),
        st.none() | st.sampled_from([*IDS, "gone"]),
        st.sampled_from(["RUNNING", "FINISHED"]),
        st.sampled_from([None, None, "m/1"]),
        st.integers(0, 10),
    ),
    unique_by=lambda r: r.run_id,
)


@given(RUNS)
def test_no_child_loses_its_parent_and_nothing_protected_goes(runs: list[Candidate]) -> None:
    """Whatever the tree, circles included."""
    rule = RetentionRule("r", older_than=5 * DAY)
    plan = plan_retention([rule], runs, NOW)
    gone = [r.run_id for r, _ in plan.removed]
    order = {run_id: place for place, run_id in enumerate(gone)}
    parents = {r.run_id: r.parent for r in runs}
    for each in runs:
        if each.run_id not in order:
            assert each.parent not in order
        elif each.parent in order and not circular(parents, each.run_id):
            assert order[each.run_id] < order[each.parent]
    assert all(r.registered is None and r.status != "RUNNING" for r, _ in plan.removed)
    assert not {kept.run.run_id for kept in plan.kept} & set(gone)


def circular(parents: dict[str, str | None], run_id: str) -> bool:
    seen: set[str] = set()
    above: str | None = run_id
    while above is not None and above not in seen:
        seen.add(above)
        above = parents.get(above)
    return above is not None
