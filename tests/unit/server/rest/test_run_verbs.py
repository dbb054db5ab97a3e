"""Runs, params and tags: Headwater's answers and rows beside MLflow's own."""

from typing import Any

import pytest
from tests.unit.server.rest.twins import Twins


def run(twins: Twins, **fields: Any) -> str:
    answer = twins.native("create_run", {"experiment_id": "0", **fields})
    run_id: str = answer["run"]["info"]["run_id"]
    return run_id


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"user_id": "ada", "start_time": 1_700_000_000_123, "run_name": "first"},
        {"start_time": -5, "user_id": "", "run_name": "", "tags": []},
        {"start_time": 2**63 - 1},
        {"tags": [{"key": "mlflow.runName", "value": "by tag"}, {"key": "x", "value": "y"}]},
        {"run_name": "both", "tags": [{"key": "mlflow.runName", "value": "both"}]},
        {"tags": [{"key": "", "value": ""}, {"key": "/../any", "value": "v" * 9_000}]},
        {"tags": [{"key": "k"}, {"value": "v"}, {"key": "é\u0000☃"}]},
        {"run_name": "☃" * 300},
    ],
)
def test_a_run_is_created_natively(twins: Twins, message: dict[str, Any]) -> None:
    run_id = run(twins, **message)
    twins.native("get_run", {"run_id": run_id})


@pytest.mark.parametrize(
    "message",
    [
        {"experiment_id": None},
        {"experiment_id": 0},
        {"experiment_id": ""},
        {"experiment_id": "00"},
        {"start_time": "5"},
        {"start_time": 5.0},
        {"start_time": 5.5},
        {"start_time": 2**63},
        {"tags": [{"key": "k"}, {"key": "k"}]},
        {"tags": [{"key": "mlflow.runName", "value": ""}]},
        {"run_name": "a", "tags": [{"key": "mlflow.runName", "value": "b"}]},
        {"tags": [{"key": "k", "value": None}]},
        {"runName": "camel"},
        {"run_id": "mine"},
    ],
)
def test_an_unusual_run_is_passed_on(twins: Twins, message: dict[str, Any]) -> None:
    twins.call("create_run", {"experiment_id": "0", **message})
    assert not twins.natively


def test_a_run_needs_its_experiment(twins: Twins) -> None:
    assert twins.native("create_run", {"experiment_id": "99"}).status == 404


@pytest.mark.parametrize(
    "location", ["s3://bucket/a?x=1", "relative/path", "s3://bucket/a b", None, "", "dbfs:/a"]
)
def test_an_unusual_artifact_location_is_passed_on(
    fresh_twins: Twins, location: str | None
) -> None:
    twins = fresh_twins
    value = "NULL" if location is None else f"'{location}'"
    twins.execute(f"UPDATE experiments SET artifact_location = {value} WHERE experiment_id = 0")
    try:
        twins.call("create_run", {"experiment_id": "0"})
    except TypeError:  # MLflow's own code, where the location is NULL
        assert location is None
    assert not twins.natively


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"status": "FINISHED", "end_time": 1_700_000_000_999},
        {"status": "RUNNING", "end_time": 0},
        {"status": 5, "end_time": -1},
        {"run_name": "renamed"},
        {"run_name": ""},
        {"run_name": None, "status": None, "end_time": None},
        {"run_uuid": None},
    ],
)
def test_a_run_is_updated_natively(twins: Twins, changes: dict[str, Any]) -> None:
    run_id = run(twins)
    twins.native("update_run", {"run_id": run_id, **changes})
    twins.native("get_run", {"run_id": run_id})


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "DONE"},
        {"status": 6},
        {"status": 0},
        {"status": "3"},
        {"end_time": "5"},
        {"end_time": 2**63},
        {"run_uuid": "0" * 32},
        {"user_id": "x"},
    ],
)
def test_an_unusual_update_is_passed_on(twins: Twins, changes: dict[str, Any]) -> None:
    twins.call("update_run", {"run_id": run(twins), **changes})
    assert not twins.natively


def test_a_run_goes_by_its_old_name_too(twins: Twins) -> None:
    run_id = run(twins)
    for ids in ({"run_uuid": run_id}, {"run_id": run_id, "run_uuid": run_id}):
        twins.native("get_run", ids)
        twins.native("update_run", {**ids, "status": "FINISHED"})
        twins.native("set_tag", {**ids, "key": "k", "value": "v"})
        twins.native("log_parameter", {**ids, "key": "p", "value": "1"})
    for verb in ("set_tag", "log_parameter"):
        twins.call(verb, {"run_id": "", "run_uuid": run_id, "key": "k", "value": "v"})
        assert not twins.natively


@pytest.mark.parametrize(
    ("verb", "message"),
    [
        ("get_run", {}),
        ("update_run", {"status": "FINISHED", "run_name": "x"}),
        ("delete_run", {}),
        ("restore_run", {}),
        ("log_parameter", {"key": "k", "value": "v"}),
        ("set_tag", {"key": "k", "value": "v"}),
        ("set_tag", {"key": "mlflow.runName", "value": "v"}),
        ("delete_tag", {"key": "k"}),
    ],
)
@pytest.mark.parametrize("run_id", ["0" * 32, "no-such_run", "r" * 256])
def test_a_missing_run_is_refused_natively(
    twins: Twins, verb: str, message: dict[str, Any], run_id: str
) -> None:
    assert twins.native(verb, {"run_id": run_id, **message}).status == 404


@pytest.mark.parametrize("run_id", ["", "ä", "a b", "r" * 257, "-", "../x"])
@pytest.mark.parametrize("verb", ["get_run", "delete_run", "restore_run"])
def test_an_unusual_run_id_is_passed_on(twins: Twins, verb: str, run_id: str) -> None:
    twins.call(verb, {"run_id": run_id})
    assert not twins.natively


@pytest.mark.parametrize("verb", ["set_tag", "log_parameter"])
@pytest.mark.parametrize(
    "entry",
    [
        {"key": "k", "value": "v"},
        {"key": "k", "value": ""},
        {"key": "k"},
        {"key": "k" * 250, "value": "☃" * 6_000},
        {"key": "a/b c.d-e:f_é", "value": "line\nbreak \u0000 'quote'"},
        {"key": "a..b", "value": "1"},
    ],
)
def test_an_entry_is_stored_natively(twins: Twins, verb: str, entry: dict[str, Any]) -> None:
    run_id = run(twins)
    twins.native(verb, {"run_id": run_id, **entry})
    twins.native(verb, {"run_id": run_id, **entry})
    twins.native("get_run", {"run_id": run_id})


@pytest.mark.parametrize("verb", ["set_tag", "log_parameter"])
@pytest.mark.parametrize(
    "entry",
    [
        {"key": "k" * 251, "value": "v"},
        {"key": "k", "value": "v" * 8_001},
        {"key": "", "value": "v"},
        {"key": "../k", "value": "v"},
        {"key": "a//b", "value": "v"},
        {"key": "/a", "value": "v"},
        {"key": "a/", "value": "v"},
        {"key": ".", "value": "v"},
        {"key": "k\n", "value": "v"},
        {"key": "k#", "value": "v"},
        {"key": "k", "value": 3},
        {"key": "k", "value": None},
        {"value": "v"},
        {"key": "k", "value": "v", "extra": 1},
    ],
)
def test_an_unusual_entry_is_passed_on(twins: Twins, verb: str, entry: dict[str, Any]) -> None:
    twins.call(verb, {"run_id": run(twins), **entry})
    assert not twins.natively


def test_a_parameter_cannot_change(twins: Twins) -> None:
    run_id = run(twins)
    twins.native("log_parameter", {"run_id": run_id, "key": "p", "value": "1"})
    assert twins.call("log_parameter", {"run_id": run_id, "key": "p", "value": "2"}).status == 400
    assert not twins.natively


def test_the_name_tag_renames_unless_empty(twins: Twins) -> None:
    run_id = run(twins, run_name="old")
    twins.native("set_tag", {"run_id": run_id, "key": "mlflow.runName", "value": ""})
    assert twins.native("get_run", {"run_id": run_id})["run"]["info"]["run_name"] == "old"
    twins.native("set_tag", {"run_id": run_id, "key": "mlflow.runName", "value": "new"})
    assert twins.native("get_run", {"run_id": run_id})["run"]["info"]["run_name"] == "new"


def test_a_renamed_run_regains_its_deleted_name_tag(twins: Twins) -> None:
    run_id = run(twins)
    twins.native("delete_tag", {"run_id": run_id, "key": "mlflow.runName"})
    twins.native("update_run", {"run_id": run_id, "run_name": "again"})


def test_a_tag_is_overwritten_and_deleted_once(twins: Twins) -> None:
    run_id = run(twins)
    twins.native("set_tag", {"run_id": run_id, "key": "k", "value": "1"})
    twins.native("set_tag", {"run_id": run_id, "key": "k", "value": "2"})
    twins.native("delete_tag", {"run_id": run_id, "key": "k"})
    assert twins.native("delete_tag", {"run_id": run_id, "key": "k"}).status == 404


def test_a_deleted_run_refuses_changes_until_restored(twins: Twins) -> None:
    run_id = run(twins)
    twins.native("delete_run", {"run_id": run_id})
    twins.native("delete_run", {"run_id": run_id})
    for verb, message in (
        ("set_tag", {"key": "k", "value": "v"}),
        ("delete_tag", {"key": "mlflow.runName"}),
        ("log_parameter", {"key": "k", "value": "v"}),
        ("update_run", {"run_name": "x", "status": "FAILED"}),
    ):
        assert twins.call(verb, {"run_id": run_id, **message}).status == 400
        assert not twins.natively
    twins.native("restore_run", {"run_id": run_id})
    twins.native("restore_run", {"run_id": run_id})
    twins.native("set_tag", {"run_id": run_id, "key": "k", "value": "v"})


def test_a_run_without_a_name_is_passed_on(twins: Twins) -> None:
    run_id = run(twins)
    twins.execute("UPDATE runs SET name = ''")
    twins.call("update_run", {"run_id": run_id, "status": "FINISHED"})
    assert not twins.natively


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"{}"',
        b'{"run_id": "\xff", "key": "k"}',
        b'{"run_id": "a\nb", "key": "k"}',
        b"\xef\xbb\xbf{}",
    ],
)
def test_malformed_bodies_are_passed_on(twins: Twins, body: bytes) -> None:
    twins.send("set_tag", body=body)
    assert not twins.natively


def test_of_equal_fields_the_last_counts(twins: Twins) -> None:
    run_id = run(twins).encode()
    body = b'{"run_id": "%s", "key": "k", "value": "1", "value": "2"}' % run_id
    twins.send("set_tag", body=body)
    assert twins.natively


@pytest.mark.parametrize("query", [b"run_id=%FF", b"run_id=a&run_id=b", b"run_id=a&x=1", b"run_id"])
def test_unusual_queries_are_passed_on(twins: Twins, query: bytes) -> None:
    twins.send("get_run", query=query)
    assert not twins.natively
