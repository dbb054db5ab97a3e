"""Which artifacts rules let go while their runs stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.tracking.test_retention import DAY, NOW, run

from headwater.storage.metadata.retention import LoggedModelRow, ModelVersionRow
from headwater.tracking.artifact_retention import (
    Chosen,
    Listed,
    Place,
    choose_for_artifacts,
    matching,
)
from headwater.tracking.registered_runs import registered_runs
from headwater.tracking.retention import KeepBest, RetentionRule, plan_retention

ALL = RetentionRule("all", artifacts=("*",))
OLD = RetentionRule("old", older_than=5 * DAY, artifacts=("checkpoints/*",))


def files(*paths: str) -> list[Listed]:
    return [Listed(Place("mlflow-artifacts:/1/a/artifacts"), path, 10) for path in paths]


def test_rules_on_artifacts_let_no_run_go_and_the_other_way_round() -> None:
    runs = [run("a"), run("b")]
    assert plan_retention([ALL], runs, NOW).removed == []
    assert choose_for_artifacts([RetentionRule("runs")], runs, NOW) == ([], [])
    chosen, _ = choose_for_artifacts([ALL], runs, NOW, gone={"a"})
    assert [each.run.run_id for each in chosen] == ["b"]


def test_registered_tagged_and_best_runs_keep_their_artifacts() -> None:
    runs = [
        run("registered", registered="churn/3"),
        run("tagged", tags={"headwater.keep": ""}),
        run("best", metrics={"acc": 0.9}),
        run("worse", metrics={"acc": 0.8}),
        run("going on", status="RUNNING"),
        run("young", ended=NOW),
    ]
    rule = RetentionRule("r", older_than=DAY, keep_best=KeepBest("acc", 1), artifacts=("*",))
    chosen, kept = choose_for_artifacts([rule], runs, NOW)
    assert [each.run.run_id for each in chosen] == ["worse"]
    assert {each.run.run_id: each.reason for each in kept} == {
        "registered": "registered as churn/3",
        "tagged": "tagged headwater.keep",
        "best": "among the best of rule 'r'",
    }


def test_artifacts_of_registered_models_go_only_as_a_rule_says_that_names_them() -> None:
    runs = [run("a", registered="churn/3")]
    asked = RetentionRule("asked", artifacts=("logs/*",), registered=True)
    [chosen], kept = choose_for_artifacts([ALL, asked], runs, NOW)
    assert kept == []
    going = matching(chosen, files("logs/1", "model/MLmodel"))
    assert going is not None
    assert ([each.path for each in going.files], going.rule) == (["logs/1"], "asked")
    assert going.allows_registered
    tagged = [run("a", registered="churn/3", tags={"headwater.keep": "1"})]
    assert choose_for_artifacts([asked], tagged, NOW)[0] == []


def test_patterns_are_of_paths_as_the_run_lists_them() -> None:
    model = Place("mlflow-artifacts:/1/models/m-1/artifacts", "checkpoint")
    listed = [*files("checkpoints/a/1.pt", "other/checkpoints/1"), Listed(model, "MLmodel", 5)]
    going = matching(Chosen(run("a"), [OLD]), listed)
    assert going is not None
    assert ([each.path for each in going.files], going.size) == (["checkpoints/a/1.pt"], 10)
    by_name = RetentionRule("m", artifacts=("checkpoint/*",))
    going = matching(Chosen(run("a"), [OLD, by_name]), listed)
    assert going is not None
    assert {each.path for each in going.files} == {"checkpoints/a/1.pt", "MLmodel"}
    assert matching(Chosen(run("a"), [OLD]), files("model/x")) is None


def test_a_rule_may_be_of_a_project() -> None:
    rule = RetentionRule("r", projects=("team/vision",), artifacts=("*",))
    runs = [run("in", project="team/vision/old"), run("out", project="team/visionary"), run("none")]
    chosen, _ = choose_for_artifacts([rule], runs, NOW)
    assert [each.run.run_id for each in chosen] == ["in"]


RUN, OTHER = "a" * 32, "b" * 32
MODELS = [LoggedModelRow("m-1", OTHER, "model", "mlflow-artifacts:/1/models/m-1/artifacts")]


@pytest.mark.parametrize(
    ("run_id", "source", "storage", "protected"),
    [
        (RUN, None, None, RUN),
        (None, f"runs:/{RUN}/model", None, RUN),
        (None, "models:/m-1", None, OTHER),
        (RUN, "models:/other/3", f"s3://b/1/{OTHER}/artifacts/model", OTHER),
        (None, f"mlflow-artifacts:/1/{RUN}/artifacts/model", None, RUN),
        (None, "file:///mnt/1/models/m-1/artifacts", None, OTHER),
    ],
)
def test_a_version_protects_the_run_among_whose_artifacts_it_is(
    run_id: str | None, source: str | None, storage: str | None, protected: str
) -> None:
    versions = [
        ModelVersionRow("churn", 1, run_id, source, storage),
        ModelVersionRow("churn", 2, run_id, source, storage),
    ]
    found = registered_runs(versions, MODELS)
    assert found[protected] == "churn/2"
    assert set(found) & {RUN, OTHER} == {protected, run_id} - {None}


@given(st.lists(st.sampled_from(["a", "b/c", "checkpoints/1", "checkpoints/x/2"]), unique=True))
def test_what_goes_is_what_matches(paths: list[str]) -> None:
    going = matching(Chosen(run("a"), [OLD]), files(*paths))
    gone = [] if going is None else [each.path for each in going.files]
    assert gone == [path for path in paths if path.startswith("checkpoints/")]
