"""Runs: creation, updates, life cycle, params and tags."""

import pytest
from tests.compatibility.calls import Call, case, get, post, raw
from tests.compatibility.pair import Pair

_PARAM = "runs/log-parameter"
_TAG = "runs/set-tag"
_UNKNOWN = "0123456789abcdef0123456789abcdef"


def create(**fields: object) -> Call:
    return post("runs/create", experiment_id="<experiment>", **fields).saving(
        made="run.info.run_id"
    )


def update(**fields: object) -> Call:
    return post("runs/update", run_id="<run>", **fields)


def param(key: object, value: object, **fields: object) -> Call:
    return post(_PARAM, run_id="<run>", key=key, value=value, **fields)


def tag(key: object, value: object, **fields: object) -> Call:
    return post(_TAG, run_id="<run>", key=key, value=value, **fields)


def untag(key: object) -> Call:
    return post("runs/delete-tag", run_id="<run>", key=key)


def tags(**values: str) -> list[dict[str, str]]:
    return [{"key": key.replace("__", "."), "value": value} for key, value in values.items()]


_ODD_KEYS = (
    *("a/b", "a//b", "/a", "a/", "..", "a/../b", "../a", ".", "./a", "a.b-c_d e:f", "a:b", "a\\b"),
    *(
        "a=b",
        "a+b",
        "a(b)",
        "é",
        "ключ",
        "🚀",
        "a\x00b",
        "a\nb",
        "",
        " ",
        " k ",
        "C:/x",
        "a;b",
        "a#b",
    ),
)

_CREATIONS = [
    case("with nothing else", create()),
    case("with a name", create(run_name="named")),
    case("with the name as a tag", create(tags=tags(mlflow__runName="tagged"))),
    case("with both names equal", create(run_name="n", tags=tags(mlflow__runName="n"))),
    case("with both names unequal", create(run_name="n", tags=tags(mlflow__runName="m"))),
    case("with an empty name", create(run_name="")),
    case("with a blank name", create(run_name="  ")),
    case("with an empty name tag", create(tags=tags(mlflow__runName=""))),
    case("with a name and an empty tag", create(run_name="n", tags=tags(mlflow__runName=""))),
    case("with a name of 250", create(run_name="n" * 250)),
    case("with a name of 251", create(run_name="n" * 251)),
    case("with a name of 5000", create(run_name="n" * 5_000)),
    case("with a name of 9000", create(run_name="n" * 9_000)),
    case("with a unicode name", create(run_name="läuft 🚀\n\t")),
    case("with NUL in the name", create(run_name="a\x00b")),
    case("with a user", create(user_id="me")),
    case("with an empty user", create(user_id="")),
    case("with a user of 256", create(user_id="u" * 256)),
    case("with a user of 300", create(user_id="u" * 300)),
    case("with the user as a tag", create(tags=tags(mlflow__user="me"))),
    case("at time 0", create(start_time=0)),
    case("at a negative time", create(start_time=-5)),
    case("at the last time", create(start_time=2**63 - 1)),
    case("at the first time", create(start_time=-(2**63))),
    case("at a time in text", create(start_time="77")),
    case(
        "with a source",
        create(tags=tags(mlflow__source__name="x.py", mlflow__source__type="LOCAL")),
    ),
    case("with a parent", create(tags=tags(mlflow__parentRunId="<run>"))),
    case("with an unknown parent", create(tags=tags(mlflow__parentRunId="nobody"))),
    case("with one tag twice", create(tags=tags(k="v") * 2)),
    case("with one key twice", create(tags=tags(k="v") + tags(k="w"))),
    case("with 100 tags", create(tags=[{"key": f"k{i}", "value": "v"} for i in range(100)])),
    case("with 101 tags", create(tags=[{"key": f"k{i}", "value": "v"} for i in range(101)])),
    case("with no tags", create(tags=[])),
    case("with an empty tag", create(tags=[{}])),
    case("with a tag without value", create(tags=[{"key": "k"}])),
    case("with a tag without key", create(tags=[{"value": "v"}])),
    case("with an odd tag", create(tags=[{"key": "k", "value": "v", "more": 1}])),
    case("with a long tag key", create(tags=tags(**{"k" * 251: "v"}))),
    case("with a long tag value", create(tags=tags(k="v" * 8_001))),
    case("with a tag value of 8000", create(tags=tags(k="v" * 8_000))),
    *(case(f"with tag {key!r}", create(tags=[{"key": key, "value": "v"}])) for key in _ODD_KEYS),
    case("in the default", post("runs/create", experiment_id="0", start_time=1)),
    case("without experiment", post("runs/create", start_time=1)),
    case("in a number", post("runs/create", experiment_id=0, start_time=1)),
    case("in nothing", post("runs/create", experiment_id="")),
    case("in an unknown one", post("runs/create", experiment_id="123456789")),
    case("in a text", post("runs/create", experiment_id="abc")),
    case("in an id with spaces", post("runs/create", experiment_id=" 0 ", start_time=1)),
    case("in an id with zeros", post("runs/create", experiment_id="000", start_time=1)),
    case("in a huge id", post("runs/create", experiment_id="9" * 40)),
    case("in a deleted one", post("runs/create", experiment_id="<deleted experiment>")),
    case("with old fields", create(source_name="x", source_version="1", entry_point_name="main")),
    case("with a status", create(status="FINISHED")),
]

_UPDATES = [
    *(
        case(f"status {status!r}", update(status=status))
        for status in (
            "RUNNING",
            "SCHEDULED",
            "FINISHED",
            "FAILED",
            "KILLED",
            "finished",
            "UNKNOWN",
            "",
            0,
            1,
            2,
            3,
            4,
            5,
            6,
            "3",
        )
    ),
    *(
        case(f"end time {time!r}", update(status="FINISHED", end_time=time))
        for time in (
            0,
            1,
            -1,
            2**63 - 1,
            2**63,
            "12",
            "1.0",
            1.0,
            1.5,
            None,
        )
    ),
    case("nothing", update()),
    case("end only", update(end_time=5)),
    case("name only", update(run_name="new")),
    case("name with its tag", update(run_name="new"), tag("mlflow.runName", "newer")),
    case("empty name", update(run_name="")),
    case("blank name", update(run_name=" ")),
    case("name of 251", update(run_name="n" * 251)),
    case("name of 8001", update(run_name="n" * 8_001)),
    case("name with NUL", update(run_name="a\x00")),
    case("unicode name", update(run_name="é🚀")),
    case("everything", update(status="FAILED", end_time=9, run_name="z")),
    case("by run_uuid", post("runs/update", run_uuid="<run>", status="FINISHED", end_time=3)),
    case("by both ids", update(run_uuid="<run>", status="FINISHED")),
    case(
        "by two ids",
        update(run_uuid="<other run>", status="FINISHED"),
        get("runs/get", "run_id=<other run>"),
    ),
    case(
        "again", update(status="FINISHED", end_time=3), update(status="RUNNING"), update(end_time=4)
    ),
    case("a deleted one", post("runs/update", run_id="<deleted run>", status="FINISHED")),
    case("an unknown one", post("runs/update", run_id=_UNKNOWN, status="FINISHED")),
    case("an odd id", post("runs/update", run_id="../x", status="FINISHED")),
    case("an empty id", post("runs/update", run_id="", status="FINISHED")),
    case("a long id", post("runs/update", run_id="x" * 300, status="FINISHED")),
    case("no id", post("runs/update", status="FINISHED")),
]

_LIFE = [
    case("get by run_uuid", get("runs/get", "run_uuid=<run>")),
    case("get by both ids", get("runs/get", "run_id=<run>&run_uuid=<run>")),
    case("get by two ids", get("runs/get", "run_id=<run>&run_uuid=<other run>")),
    case("get in capitals", get("runs/get", "run_id=" + _UNKNOWN.upper())),
    case("get unknown", get("runs/get", "run_id=" + _UNKNOWN)),
    case("get unknown by run_uuid", get("runs/get", "run_uuid=" + _UNKNOWN)),
    case("get with a space", get("runs/get", "run_id=+<run>")),
    case("delete twice", *[post("runs/delete", run_id="<run>")] * 2),
    case("delete unknown", post("runs/delete", run_id=_UNKNOWN)),
    case("restore twice", *[post("runs/restore", run_id="<deleted run>")] * 2),
    case("restore an active one", post("runs/restore", run_id="<run>")),
    case("restore unknown", post("runs/restore", run_id=_UNKNOWN)),
    case(
        "write to a deleted one",
        post("runs/log-metric", run_id="<deleted run>", key="k", value=1, timestamp=1),
        post(_PARAM, run_id="<deleted run>", key="k", value="1"),
        post(_TAG, run_id="<deleted run>", key="k", value="1"),
        post("runs/delete-tag", run_id="<deleted run>", key="mlflow.runName"),
        post("runs/log-batch", run_id="<deleted run>", params=[{"key": "k", "value": "1"}]),
        post("runs/log-batch", run_id="<deleted run>"),
    ),
    case(
        "write to an unknown one",
        post("runs/log-metric", run_id=_UNKNOWN, key="k", value=1, timestamp=1),
        post(_PARAM, run_id=_UNKNOWN, key="k", value="1"),
        post(_TAG, run_id=_UNKNOWN, key="k", value="1"),
        post("runs/delete-tag", run_id=_UNKNOWN, key="k"),
        post("runs/log-batch", run_id=_UNKNOWN, params=[{"key": "k", "value": "1"}]),
        post("runs/log-batch", run_id=_UNKNOWN),
    ),
    case(
        "write to a finished one",
        update(status="FINISHED", end_time=1),
        post("runs/log-metric", run_id="<run>", key="k", value=1, timestamp=1),
        param("k", "v"),
        tag("k", "v"),
    ),
    case(
        "run of a deleted experiment",
        create(),
        post("experiments/delete", experiment_id="<experiment>"),
        get("runs/get", "run_id=<made>"),
        post(_TAG, run_id="<made>", key="k", value="v"),
        post("runs/restore", run_id="<made>"),
        get("runs/get", "run_id=<made>"),
        post(_TAG, run_id="<made>", key="k", value="v"),
        get("runs/get", "run_id=<made>"),
    ),
]

_PARAMS = [
    case("log", param("k", "v")),
    case("log the same again", *[param("k", "v")] * 2),
    case("log another value", param("k", "v"), param("k", "w")),
    case(
        "log another after a batch",
        post("runs/log-batch", run_id="<run>", params=[{"key": "k", "value": "v"}]),
        param("k", "w"),
        param("k", "v"),
    ),
    case("empty value", param("k", "")),
    case("empty value again", param("k", ""), param("k", "")),
    case("empty then another", param("k", ""), param("k", "x")),
    case("no value", post(_PARAM, run_id="<run>", key="k")),
    case("no key", post(_PARAM, run_id="<run>", value="v")),
    case("null value", param("k", None)),
    case("number", param("k", 1)),
    case("value of 6000", param("k", "v" * 6_000)),
    case("value of 6001", param("k", "v" * 6_001)),
    case("value of 6000 emoji", param("k", "🚀" * 6_000)),
    case("value of 6001 emoji", param("k", "🚀" * 6_001)),
    case("key of 250", param("k" * 250, "v")),
    case("key of 251", param("k" * 251, "v")),
    case("key of 250 emoji", param("é" * 250, "v")),
    case("unicode value", param("k", "значение 🚀 \u202e\ufeff")),
    case("NUL in the value", param("k", "a\x00b")),
    case("lone surrogate", raw(_PARAM, '{"run_id": "<run>", "key": "k", "value": "\\ud83d"}')),
    case(
        "surrogate pair", raw(_PARAM, '{"run_id": "<run>", "key": "k", "value": "\\ud83d\\ude80"}')
    ),
    case("newlines", param("k", "a\r\nb\n")),
    case("by run_uuid", post(_PARAM, run_uuid="<run>", key="k", value="v")),
    case("by both ids", param("k", "v", run_uuid="<run>")),
    case(
        "by two ids", param("k", "v", run_uuid="<other run>"), get("runs/get", "run_id=<other run>")
    ),
    case("keys that differ in case", param("k", "v"), param("K", "w")),
    case("keys that differ in a space", param("k", "v"), param("k ", "w")),
    case("equal numbers", param("k", "1"), param("k", "1.0")),
    *(case(f"key {key!r}", param(key, "v")) for key in _ODD_KEYS),
]

_TAGS = [
    case("set", tag("k", "v")),
    case("set again", tag("k", "v"), tag("k", "w"), tag("k", "w")),
    case("empty value", tag("k", "")),
    case("no value", post(_TAG, run_id="<run>", key="k")),
    case("no key", post(_TAG, run_id="<run>", value="v")),
    case("null value", tag("k", None)),
    case("value of 5000", tag("k", "v" * 5_000)),
    case("value of 8000", tag("k", "v" * 8_000)),
    case("value of 8001", tag("k", "v" * 8_001)),
    case("value of 8000 emoji", tag("k", "🚀" * 8_000)),
    case("value of 8001 emoji", tag("k", "🚀" * 8_001)),
    case("key of 250", tag("k" * 250, "v")),
    case("key of 251", tag("k" * 251, "v")),
    case("unicode", tag("ключ", "🚀é\n")),
    case("NUL in the value", tag("k", "a\x00b")),
    case("run name", tag("mlflow.runName", "renamed")),
    case("empty run name", tag("mlflow.runName", "")),
    case("user", tag("mlflow.user", "somebody")),
    case("source type", tag("mlflow.source.type", "NOTEBOOK")),
    case("source name", tag("mlflow.source.name", "x")),
    case("parent", tag("mlflow.parentRunId", "<other run>")),
    case("note", tag("mlflow.note.content", "# Title")),
    case("logged models", tag("mlflow.log-model.history", "[]")),
    case("broken logged models", tag("mlflow.log-model.history", "{")),
    case("by run_uuid", post(_TAG, run_uuid="<run>", key="k", value="v")),
    case(
        "by two ids", tag("k", "v", run_uuid="<other run>"), get("runs/get", "run_id=<other run>")
    ),
    case("delete", tag("k", "v"), untag("k"), untag("k")),
    case("delete missing", untag("nope")),
    case("delete the run name", untag("mlflow.runName")),
    case("delete an empty key", untag("")),
    case("delete an odd key", untag("a//b")),
    case("delete a long key", untag("k" * 251)),
    case("delete in another case", tag("k", "v"), untag("K")),
    case("delete by run_uuid", tag("k", "v"), post("runs/delete-tag", run_uuid="<run>", key="k")),
    *(case(f"key {key!r}", tag(key, "v")) for key in _ODD_KEYS),
]


@pytest.mark.parametrize("calls", _CREATIONS)
def test_create(pair: Pair, calls: tuple[Call, ...]) -> None:
    pair.play(*calls)
    if "<made>" in pair.known:
        pair.compare_run("<made>")


@pytest.mark.parametrize("calls", _UPDATES)
def test_update(pair: Pair, calls: tuple[Call, ...]) -> None:
    pair.play(*calls)
    pair.compare_state()


@pytest.mark.parametrize("calls", _LIFE)
def test_life_cycle(pair: Pair, calls: tuple[Call, ...]) -> None:
    pair.play(*calls)
    pair.compare_state()


@pytest.mark.parametrize("calls", _PARAMS)
def test_params(pair: Pair, calls: tuple[Call, ...]) -> None:
    pair.play(*calls)
    pair.compare_state()


@pytest.mark.parametrize("calls", _TAGS)
def test_tags(pair: Pair, calls: tuple[Call, ...]) -> None:
    pair.play(*calls)
    pair.compare_state()
