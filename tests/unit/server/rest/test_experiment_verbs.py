"""Experiments: Headwater's answers and rows beside MLflow's own."""

from typing import Any

import pytest
from tests.unit.server.rest.twins import Twins


def experiment(twins: Twins, name: str = "first") -> str:
    created: str = twins.native("create_experiment", {"name": name})["experiment_id"]
    return created


def test_an_experiment_is_created_and_read_natively(twins: Twins) -> None:
    tags = [
        {"key": "team", "value": "blue"},
        {"key": "empty"},
        {"key": "é / x.y-z: _", "value": "ü"},
    ]
    created = twins.native("create_experiment", {"name": "naïve 'name' ☃", "tags": tags})
    by_id = twins.native("get_experiment", {"experiment_id": created["experiment_id"]})
    by_name = twins.native("get_experiment_by_name", {"experiment_name": "naïve 'name' ☃"})
    assert by_id == by_name
    assert by_id["experiment"]["artifact_location"] == "mlflow-artifacts:/1"
    assert len(by_id["experiment"]["tags"]) == 3


def test_the_default_experiment_is_read_natively(twins: Twins) -> None:
    assert twins.native("get_experiment", {"experiment_id": "0"})["experiment"]["name"] == "Default"


@pytest.mark.parametrize(
    ("verb", "message"),
    [
        ("get_experiment", {"experiment_id": "99"}),
        ("get_experiment", {"experiment_id": "9" * 18}),
        ("get_experiment_by_name", {"experiment_name": "no such 'name' ☃"}),
        ("update_experiment", {"experiment_id": "99", "new_name": "x"}),
        ("delete_experiment", {"experiment_id": "99"}),
        ("restore_experiment", {"experiment_id": "99"}),
        ("restore_experiment", {"experiment_id": "0"}),
        ("set_experiment_tag", {"experiment_id": "99", "key": "x", "value": "y"}),
        ("delete_experiment_tag", {"experiment_id": "99", "key": "x"}),
        ("delete_experiment_tag", {"experiment_id": "0", "key": "mlflow.no/../ such"}),
    ],
)
def test_what_does_not_exist_is_refused_natively(
    twins: Twins, verb: str, message: dict[str, Any]
) -> None:
    assert twins.native(verb, message).status == 404


@pytest.mark.parametrize(
    ("verb", "message"),
    [
        ("create_experiment", {"name": "Default"}),
        ("create_experiment", {"name": ""}),
        ("create_experiment", {}),
        ("create_experiment", {"name": 3}),
        ("create_experiment", {"name": None}),
        ("create_experiment", {"name": "n" * 501}),
        ("create_experiment", {"name": "a", "artifact_location": "s3://bucket/a"}),
        ("create_experiment", {"name": "a", "unknown": 1}),
        ("create_experiment", {"name": "a", "tags": [{"key": "k"}, {"key": "k"}]}),
        ("create_experiment", {"name": "a", "tags": [{"key": "../k", "value": "v"}]}),
        ("create_experiment", {"name": "a", "tags": [{"key": "k", "value": "v" * 5_001}]}),
        ("create_experiment", {"name": "a", "tags": [{"value": "v"}]}),
        ("create_experiment", {"name": "a", "tags": None}),
        ("get_experiment", {"experiment_id": "007"}),
        ("get_experiment", {"experiment_id": " 0"}),
        ("get_experiment", {"experiment_id": "-1"}),
        ("get_experiment", {"experiment_id": "x"}),
        ("get_experiment", {"experiment_id": ""}),
        ("get_experiment", {"experiment_id": "0", "other": "1"}),
        ("get_experiment", {}),
        ("get_experiment_by_name", {"experiment_name": ""}),
        ("update_experiment", {"experiment_id": "0"}),
        ("update_experiment", {"experiment_id": "0", "new_name": ""}),
        ("update_experiment", {"experiment_id": 0, "new_name": "x"}),
        ("update_experiment", {"experimentId": "0", "newName": "x"}),
        ("set_experiment_tag", {"experiment_id": "0", "key": "", "value": "x"}),
        ("set_experiment_tag", {"experiment_id": "0", "key": "a//b", "value": "x"}),
        ("set_experiment_tag", {"experiment_id": "0", "key": "k" * 251, "value": "x"}),
        ("set_experiment_tag", {"experiment_id": "0", "key": "k\n", "value": "x"}),
        (
            "set_experiment_tag",
            {"experiment_id": "0", "key": "mlflow.trace.archivalRetention", "value": "x"},
        ),
        ("delete_experiment_tag", {"experiment_id": "0", "key": ""}),
        ("delete_experiment", {"experiment_id": "0", "x": 1}),
    ],
)
def test_what_is_not_ordinary_is_passed_on(
    twins: Twins, verb: str, message: dict[str, Any]
) -> None:
    twins.call(verb, message)
    assert not twins.natively


def test_limits_are_served_natively(twins: Twins) -> None:
    created = experiment(twins, "n" * 500)
    tag = {"experiment_id": created, "key": "k" * 250, "value": "☃" * 5_000}
    twins.native("set_experiment_tag", tag)
    twins.native("get_experiment", {"experiment_id": created})


def test_a_tag_is_set_overwritten_and_deleted(twins: Twins) -> None:
    created = experiment(twins)
    for value in ("one", "two", ""):
        tag = {"experiment_id": created, "key": "mlflow.note.content", "value": value}
        twins.native("set_experiment_tag", tag)
    twins.native("set_experiment_tag", {"experiment_id": created, "key": "other"})
    twins.native("delete_experiment_tag", {"experiment_id": created, "key": "mlflow.note.content"})
    answer = twins.native("get_experiment", {"experiment_id": created})
    assert answer["experiment"]["tags"] == [{"key": "other", "value": ""}]


def test_a_deleted_experiment_refuses_changes_until_restored(twins: Twins) -> None:
    created = experiment(twins)
    run = twins.native("create_run", {"experiment_id": created})["run"]["info"]["run_id"]
    twins.native("delete_experiment", {"experiment_id": created})
    assert twins.native("delete_experiment", {"experiment_id": created}).status == 404
    answer = twins.native("get_experiment", {"experiment_id": created})
    assert answer["experiment"]["lifecycle_stage"] == "deleted"
    assert twins.native("get_run", {"run_id": run})["run"]["info"]["lifecycle_stage"] == "deleted"
    for verb, message in (
        ("set_experiment_tag", {"key": "k", "value": "v"}),
        ("delete_experiment_tag", {"key": "k"}),
        ("update_experiment", {"new_name": "x"}),
        ("create_run", {}),
    ):
        assert twins.call(verb, {"experiment_id": created, **message}).status >= 400
        assert not twins.natively
    twins.native("restore_experiment", {"experiment_id": created})
    assert twins.native("get_run", {"run_id": run})["run"]["info"]["lifecycle_stage"] == "active"


def test_renaming_onto_a_taken_name_is_passed_on(twins: Twins) -> None:
    experiment(twins, "taken")
    created = experiment(twins, "free")
    twins.call("update_experiment", {"experiment_id": created, "new_name": "taken"})
    assert not twins.natively
    twins.native("update_experiment", {"experiment_id": created, "new_name": "free too"})


def test_deleting_is_passed_on_where_there_are_assessments(fresh_twins: Twins) -> None:
    twins = fresh_twins
    created = experiment(twins)
    run = twins.native("create_run", {"experiment_id": created})["run"]["info"]["run_id"]
    twins.execute(
        "INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, status)"
        f" VALUES ('t', {created}, 1, 'OK')"
    )
    for name, source in (("of the run", run), ("of another", "0" * 32)):
        twins.execute(
            "INSERT INTO assessments (assessment_id, trace_id, name, assessment_type, value,"
            " created_timestamp, last_updated_timestamp, source_type, valid, assessment_metadata)"
            f" VALUES ('{name}', 't', 'n', 'feedback', '1', 1, 1, 'HUMAN', 1,"
            f""" '{{"mlflow.assessment.sourceRunId": "{source}"}}')"""
        )
    twins.call("delete_run", {"run_id": run})
    assert not twins.natively
    twins.call("delete_experiment", {"experiment_id": created})
    assert not twins.natively


def test_an_experiment_without_times_leaves_them_out(fresh_twins: Twins) -> None:
    twins = fresh_twins
    twins.execute("UPDATE experiments SET creation_time = NULL, last_update_time = NULL")
    answer = twins.native("get_experiment", {"experiment_id": "0"})
    assert "creation_time" not in answer["experiment"]
