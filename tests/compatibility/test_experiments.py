"""Experiments: limits, names, conflicts, life cycle and tags."""

import pytest
from tests.compatibility.calls import Call, case, get, post
from tests.compatibility.pair import Pair

LONG = "n" * 480
_CREATE = "experiments/create"
_TAG = "experiments/set-experiment-tag"
_UNTAG = "experiments/delete-experiment-tag"


def create(name: str, **fields: object) -> Call:
    return post(_CREATE, name=name, **fields).saving(made="experiment_id")


def look() -> tuple[Call, ...]:
    return (get("experiments/get", "experiment_id=<made>"),)


def tag(key: object, value: object, **fields: object) -> Call:
    return post(_TAG, experiment_id="<experiment>", key=key, value=value, **fields)


_NAMES = [
    case("plain", create("<unique>"), *look()),
    case("with spaces", create("  <unique>  two  "), *look()),
    case("with slashes", create("/<unique>/a//b"), *look()),
    case("with quotes", create("<unique> 'a' \"b\" `c`"), *look()),
    case("unicode", create("<unique> Ünïcødé 実験 \u202etest"), *look()),
    case("emoji", create("<unique> 🚀👩‍🔬"), *look()),
    case("newline and tab", create("<unique>\n\t"), *look()),
    case("NUL", create("<unique>\x00end")),
    case("only NUL", post(_CREATE, name="\x00")),
    case("percent and underscore", create("<unique> 100%_"), *look()),
    case("looks like a path", create("../<unique>"), *look()),
    case("looks like an id", create("<unique>17"), *look()),
    case("blank", post(_CREATE, name="   ")),
    case("empty", post(_CREATE, name="")),
    case("near the limit", create("<unique>" + LONG), *look()),
    case("500 characters of 4 bytes", post(_CREATE, name="🚀" * 500)),
    case("501 characters of 4 bytes", post(_CREATE, name="🚀" * 501)),
    case("501 characters", post(_CREATE, name="n" * 501)),
    case("very long", post(_CREATE, name="n" * 10_000)),
    case("Default", post(_CREATE, name="Default")),
    case("taken", create("<unique>"), post(_CREATE, name="<unique>")),
    case("taken in other case", create("lower <unique>"), create("LOWER <unique>")),
    case(
        "taken by a deleted one",
        get("experiments/get", "experiment_id=<deleted experiment>"),
        post(_CREATE, name="<unique> deleted"),
    ),
    case("name and tags", create("<unique>", tags=[{"key": "a", "value": "b"}]), *look()),
]

_LOCATIONS = [
    case(
        f"at {location!r}",
        create("<unique>", artifact_location=location),
        *look(),
        post("runs/create", experiment_id="<made>", start_time=1),
    )
    for location in (
        "",
        "mlflow-artifacts:/x",
        "mlflow-artifacts:///x/",
        "s3://bucket/path",
        "s3://bucket/a b/",
        "s3://bucket",
        "gs://b/x?y=z",
        "file:///tmp/x",
        "/tmp/x",
        "relative/x",
        "./x",
        "../x",
        "hdfs://h:1/x",
        "dbfs:/x",
        "http://host/x",
        "https://host/x?a=1&b=2",
        "https://host/x#y",
        "file:///tmp/../x",
        "s3://b/../x",
        "s3://b/%2e%2e/x",
        "x" * 256,
        "s3://" + "x" * 300,
        "C:\\x",
        "wasbs://c@a/x",
        "s3://b/ü",
        " s3://b",
        "runs:/x/y",
        "models:/x/1",
        "unknown://x",
        "mlflow-artifacts:/x/..",
        "s3://b/x\x00",
    )
]

_LIFE = [
    case("get a deleted one", get("experiments/get", "experiment_id=<deleted experiment>")),
    case("get unknown", get("experiments/get", "experiment_id=123456789")),
    case("get a text id", get("experiments/get", "experiment_id=abc")),
    case("get an id with spaces", get("experiments/get", "experiment_id=+0+")),
    case("get an id with zeros", get("experiments/get", "experiment_id=000")),
    case("get an id in Arabic digits", get("experiments/get", "experiment_id=%D9%A0")),
    case("get the default", get("experiments/get", "experiment_id=0")),
    case("by name", create("<unique>"), get("experiments/get-by-name", "experiment_name=<unique>")),
    case(
        "by name deleted",
        get("experiments/get", "experiment_id=<deleted experiment>"),
        get("experiments/get-by-name", "experiment_name=<unique> deleted"),
    ),
    case("by name unknown", get("experiments/get-by-name", "experiment_name=no such thing")),
    case("by name in other case", get("experiments/get-by-name", "experiment_name=default")),
    case("by name with spaces", get("experiments/get-by-name", "experiment_name=+Default+")),
    case(
        "by name unicode",
        create("<unique> 🚀é"),
        get("experiments/get-by-name", "experiment_name=<unique>+%F0%9F%9A%80%C3%A9"),
    ),
    case(
        "by name of 500 characters", get("experiments/get-by-name", "experiment_name=" + "x" * 500)
    ),
    case(
        "by name of 501 characters", get("experiments/get-by-name", "experiment_name=" + "x" * 501)
    ),
    case("delete twice", *[post("experiments/delete", experiment_id="<experiment>")] * 2),
    case("delete unknown", post("experiments/delete", experiment_id="123456789")),
    case("delete a text id", post("experiments/delete", experiment_id="abc")),
    case("restore twice", *[post("experiments/restore", experiment_id="<deleted experiment>")] * 2),
    case("restore an active one", post("experiments/restore", experiment_id="<experiment>")),
    case("restore unknown", post("experiments/restore", experiment_id="123456789")),
    case(
        "delete takes runs along",
        create("<unique>"),
        post("runs/create", experiment_id="<made>", start_time=1).saving(a="run.info.run_id"),
        post("runs/create", experiment_id="<made>", start_time=2).saving(b="run.info.run_id"),
        post("runs/delete", run_id="<b>"),
        post("experiments/delete", experiment_id="<made>"),
        get("runs/get", "run_id=<a>"),
        get("runs/get", "run_id=<b>"),
        post("runs/search", experiment_ids=["<made>"], run_view_type="ALL"),
        post("runs/restore", run_id="<b>"),
        post("experiments/restore", experiment_id="<made>"),
        get("runs/get", "run_id=<a>"),
        get("runs/get", "run_id=<b>"),
    ),
    case("run in a deleted one", post("runs/create", experiment_id="<deleted experiment>")),
    case("tag a deleted one", post(_TAG, experiment_id="<deleted experiment>", key="k", value="v")),
    case("rename", post("experiments/update", experiment_id="<experiment>", new_name="<unique> x")),
    case(
        "rename to the same",
        post("experiments/update", experiment_id="<experiment>", new_name="<unique>"),
    ),
    case(
        "rename to a taken name",
        post("experiments/update", experiment_id="<experiment>", new_name="Default"),
    ),
    case(
        "rename a deleted one",
        post("experiments/update", experiment_id="<deleted experiment>", new_name="<unique> x"),
    ),
    case(
        "rename unknown", post("experiments/update", experiment_id="123456789", new_name="<unique>")
    ),
    case(
        "rename to nothing", post("experiments/update", experiment_id="<experiment>", new_name="")
    ),
    case(
        "rename to 501",
        post("experiments/update", experiment_id="<experiment>", new_name="x" * 501),
    ),
    case(
        "rename to a blank", post("experiments/update", experiment_id="<experiment>", new_name=" ")
    ),
    case(
        "rename with NUL",
        post("experiments/update", experiment_id="<experiment>", new_name="<unique>\x00"),
    ),
    case(
        "delete the default and restore it",
        post("experiments/delete", experiment_id="0"),
        get("experiments/get", "experiment_id=0"),
        post("experiments/restore", experiment_id="0"),
        get("experiments/get", "experiment_id=0"),
    ),
]

_TAGS = [
    case("set", tag("k", "v")),
    case("set again", tag("k", "v"), tag("k", "other")),
    case("empty value", tag("k", "")),
    case("null value", tag("k", None)),
    case("no value", post(_TAG, experiment_id="<experiment>", key="k")),
    case("unicode", tag("ключ é", "значение 🚀")),
    case("NUL in the value", tag("k", "a\x00b")),
    case("NUL in the key", tag("a\x00b", "v")),
    case("value of 5000", tag("k", "v" * 5_000)),
    case("value of 5001", tag("k", "v" * 5_001)),
    case("value of 20000", tag("k", "v" * 20_000)),
    case("value of 20001", tag("k", "v" * 20_001)),
    case("value of 20000 emoji", tag("k", "🚀" * 20_000)),
    case("key of 250", tag("k" * 250, "v")),
    case("key of 251", tag("k" * 251, "v")),
    case("unknown experiment", post(_TAG, experiment_id="123456789", key="k", value="v")),
    case("note", tag("mlflow.note.content", "# Title")),
    case("system tag", tag("mlflow.experimentKind", "custom_model_development")),
    *(
        case(f"key {key!r}", tag(key, "v"), post(_UNTAG, experiment_id="<experiment>", key=key))
        for key in (
            "a/b",
            "a//b",
            "/a",
            "a/",
            "..",
            "a/../b",
            ".",
            "a.b-c_d e:f",
            "a:b",
            "a\\b",
            "a=b",
            "",
            " ",
            " k ",
        )
    ),
    case("delete", tag("k", "v"), post(_UNTAG, experiment_id="<experiment>", key="k")),
    case("delete missing", post(_UNTAG, experiment_id="<experiment>", key="nope")),
    case("delete of unknown", post(_UNTAG, experiment_id="123456789", key="nope")),
    case("delete of deleted", post(_UNTAG, experiment_id="<deleted experiment>", key="nope")),
    *(
        case(f"create with {name}", create("<unique>", tags=tags), *look())
        for name, tags in {
            "the same tag twice": [{"key": "k", "value": "v"}] * 2,
            "one key twice": [{"key": "k", "value": "v"}, {"key": "k", "value": "w"}],
            "no tags": [],
            "20 tags": [{"key": f"k{i}", "value": "v"} for i in range(20)],
            "101 tags": [{"key": f"k{i}", "value": "v"} for i in range(101)],
            "a tag without key": [{"value": "v"}],
            "a tag without value": [{"key": "k"}],
            "a long key": [{"key": "k" * 251, "value": "v"}],
            "a long value": [{"key": "k", "value": "v" * 20_001}],
            "an odd key": [{"key": "a//b", "value": "v"}],
            "an extra field": [{"key": "k", "value": "v", "more": 1}],
            "an empty tag": [{}],
        }.items()
    ),
]


@pytest.mark.parametrize("calls", _NAMES)
def test_name(pair: Pair, calls: tuple[Call, ...]) -> None:
    pair.play(*calls)


@pytest.mark.parametrize("calls", _LOCATIONS)
def test_artifact_location(pair: Pair, calls: tuple[Call, ...]) -> None:
    pair.play(*calls)


@pytest.mark.parametrize("calls", _LIFE)
def test_life_cycle(pair: Pair, calls: tuple[Call, ...]) -> None:
    pair.play(*calls)
    pair.compare_state()


@pytest.mark.parametrize("calls", _TAGS)
def test_tags(pair: Pair, calls: tuple[Call, ...]) -> None:
    pair.play(*calls)
    pair.compare_state()
