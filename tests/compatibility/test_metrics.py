"""Metrics: values, steps, times, duplicates, and which point is the latest."""

import pytest
from tests.compatibility.calls import Call, case, get, post, raw
from tests.compatibility.deviations import repeated_point
from tests.compatibility.pair import Pair

_LOG = "runs/log-metric"
_BATCH = "runs/log-batch"


def log(value: object = 1.0, step: object = 0, timestamp: object = 1, **fields: object) -> Call:
    return post(
        _LOG,
        **{"run_id": "<run>", "key": "k"},
        value=value,
        step=step,
        timestamp=timestamp,
        **fields,
    )


def log_key(key: object) -> Call:
    return post(_LOG, run_id="<run>", key=key, value=1, timestamp=1)


def spelled(value: str, field: str = "value") -> Call:
    fields = {"value": "1", "timestamp": "1", "step": "0", field: value}
    text = ", ".join(f'"{name}": {spelling}' for name, spelling in fields.items())
    return raw(_LOG, f'{{"run_id": "<run>", "key": "k", {text}}}')


def batch(*points: tuple[object, object, object], key: str = "k") -> Call:
    """Log points (value, step, timestamp) of one metric."""
    metrics = [{"key": key, "value": v, "step": s, "timestamp": t} for v, s, t in points]
    return post(_BATCH, run_id="<run>", metrics=metrics)


def spelled_in_batch(field: str, value: str) -> Call:
    fields = {"value": "1", "timestamp": "1", "step": "0", field: value}
    text = ", ".join(f'"{name}": {spelling}' for name, spelling in fields.items())
    return raw(_BATCH, f'{{"run_id": "<run>", "metrics": [{{"key": "k", {text}}}]}}')


def metrics(*entries: object) -> Call:
    return post(_BATCH, run_id="<run>", metrics=list(entries))


def metric(**changes: object) -> dict[str, object]:
    return {"key": "k", "value": 1.5, "timestamp": 1, "step": 0, **changes}


def params(*entries: object, **fields: object) -> Call:
    return post(_BATCH, run_id="<run>", params=list(entries), **fields)


def tags(*entries: object, **fields: object) -> Call:
    return post(_BATCH, run_id="<run>", tags=list(entries), **fields)


def entry(key: object = "k", value: object = "v", **more: object) -> dict[str, object]:
    return {"key": key, "value": value, **more}


_NUMBERS = (
    *(
        "0",
        "-0",
        "-0.0",
        "1",
        "1.0",
        "1e0",
        "1E+2",
        "0.1",
        "1e-400",
        "5e-324",
        "1.7976931348623157e308",
    ),
    *(
        "1.8e308",
        "1e400",
        "-1e400",
        "NaN",
        "Infinity",
        "-Infinity",
        "nan",
        "Inf",
        "+1",
        "01",
        ".5",
        "1.",
    ),
    *("9007199254740993", "12345678901234567890123", "0x10", "1_000", "true", "null", "[]", "{}"),
    *(
        '"NaN"',
        '"nan"',
        '"Infinity"',
        '"-Infinity"',
        '"inf"',
        '"-inf"',
        '"1.5"',
        '"1e5"',
        '" 1"',
        '"1 "',
    ),
    *('"1_000"', '"0x10"', '""', '"abc"', '"1e400"', '"+1"', '"-0"', '"\u0661"', '"true"'),
)
_INTEGERS = (
    *(
        "0",
        "-0",
        "-1",
        "1.0",
        "1.5",
        "1e2",
        "1e-1",
        "1E400",
        "9223372036854775807",
        "-9223372036854775808",
    ),
    *(
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "1e18",
        "1e19",
        "1e30",
        "NaN",
    ),
    *(
        "Infinity",
        "true",
        "false",
        "null",
        "[]",
        "{}",
        '"5"',
        '"-5"',
        '"+5"',
        '" 5"',
        '"5.0"',
        '"5.5"',
    ),
    *(
        '"1e2"',
        '"abc"',
        '""',
        '"NaN"',
        '"9223372036854775807"',
        '"9223372036854775808"',
        '"0x5"',
        '"05"',
    ),
    *('"1_0"', '"\u0665"'),
)
_KEYS = (
    *(
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
        "a@b",
        "é",
    ),
    *(
        "метрика",
        "🚀",
        "a\x00b",
        "a\nb",
        "",
        " ",
        " k ",
        "system/cpu",
        "k" * 250,
        "k" * 251,
        "é" * 250,
    ),
)
_NAN = "NaN"
_INF = "Infinity"

_POINTS = [
    *(case(f"value {value}", spelled(value)) for value in _NUMBERS),
    *(case(f"step {value}", spelled(value, "step")) for value in _INTEGERS),
    *(case(f"timestamp {value}", spelled(value, "timestamp")) for value in _INTEGERS),
    *(case(f"key {key!r}", log_key(key)) for key in _KEYS),
    case("no step", post(_LOG, run_id="<run>", key="k", value=1, timestamp=1)),
    case("no timestamp", post(_LOG, run_id="<run>", key="k", value=1)),
    case("no value", post(_LOG, run_id="<run>", key="k", timestamp=1)),
    case("no key", post(_LOG, run_id="<run>", value=1, timestamp=1)),
    case("no run", post(_LOG, key="k", value=1, timestamp=1)),
    case("by run_uuid", post(_LOG, run_uuid="<run>", key="k", value=1, timestamp=1)),
    case("by both ids", log(run_uuid="<run>")),
    case("by two ids", log(run_uuid="<other run>"), get("runs/get", "run_id=<other run>")),
    case("with a dataset", log(dataset_name="d", dataset_digest="x")),
    case("with half a dataset", log(dataset_name="d")),
    case("with a digest only", log(dataset_digest="x")),
    case("with an empty dataset", log(dataset_name="", dataset_digest="")),
    case("with a long dataset", log(dataset_name="d" * 501, dataset_digest="x")),
    case("with a long digest", log(dataset_name="d", dataset_digest="x" * 37)),
    case("with a model", log(model_id="<model>"), get("logged-models/<model>")),
    case(
        "with a model and a dataset",
        log(model_id="<model>", dataset_name="d", dataset_digest="x"),
        get("logged-models/<model>"),
    ),
    case(
        "with a model twice",
        log(1, 1, model_id="<model>"),
        log(2, 2, model_id="<model>"),
        get("logged-models/<model>"),
    ),
    case(
        "with a model, the same again", *[log(model_id="<model>")] * 2, get("logged-models/<model>")
    ),
    case(
        "with a model, other value",
        log(1, model_id="<model>"),
        log(2, model_id="<model>"),
        get("logged-models/<model>"),
    ),
    case("with a model and NaN", log(_NAN, model_id="<model>"), get("logged-models/<model>")),
    case(
        "with a model, out of order",
        log(1, 5, model_id="<model>"),
        log(2, 1, model_id="<model>"),
        get("logged-models/<model>"),
    ),
    case("with an unknown model", log(model_id="m-" + "0" * 32)),
    case("with an odd model", log(model_id="nothing")),
    case("with a model in capitals", log(model_id="M")),
    case("with an unknown field", log(source="x")),
]

_LATEST = [
    case("same again", log(1, 1, 1), log(1, 1, 1)),
    case("same in one batch", batch((1, 1, 1), (1, 1, 1))),
    case("same in two batches", batch((1, 1, 1), (2, 2, 2)), batch((1, 1, 1), (3, 3, 3))),
    case("same NaN", log(_NAN, 1, 1), log(_NAN, 1, 1), marks=[repeated_point]),
    case("same Infinity", log(_INF, 1, 1), log(_INF, 1, 1)),
    case("Infinity and the largest", log(_INF, 1, 1), spelled("1.7976931348623157e308")),
    case("0 and -0", log(0.0), log(-0.0), log(0)),
    case("-0 first", log(-0.0), log(0.0)),
    case("1 and 1.0", log(1), log(1.0)),
    case("same NaN in one batch", batch((_NAN, 1, 1), (_NAN, 1, 1)), marks=[repeated_point]),
    case("NaN beside 0", log(0, 1, 1), log(_NAN, 1, 1)),
    case("0 beside NaN", log(_NAN, 1, 1), log(0, 1, 1)),
    case("NaN beside more", log(5, 1, 1), log(_NAN, 1, 1)),
    case("NaN beside less", log(-5, 1, 1), log(_NAN, 1, 1)),
    case("less than NaN", log(_NAN, 1, 1), log(-5, 1, 1)),
    case("more than NaN", log(_NAN, 1, 1), log(5, 1, 1)),
    case("higher step, earlier", log(1, 1, 9), log(2, 2, 1)),
    case("lower step, later", log(1, 2, 1), log(2, 1, 9)),
    case("equal step, later", log(9, 1, 1), log(2, 1, 2)),
    case("equal step, earlier", log(9, 1, 2), log(10, 1, 1)),
    case("equal step and time, more", log(1, 1, 1), log(2, 1, 1)),
    case("equal step and time, less", log(2, 1, 1), log(1, 1, 1)),
    case("negative steps", batch((1, -5, 1), (2, -1, 1), (3, -9, 1))),
    case("negative times", batch((1, 0, -5), (2, 0, -1), (3, 0, -9))),
    case("in a batch, ascending", batch((1, 1, 1), (2, 2, 2), (3, 3, 3))),
    case("in a batch, descending", batch((3, 3, 3), (2, 2, 2), (1, 1, 1))),
    case("in a batch, equal steps", batch((1, 1, 1), (9, 1, 1), (5, 1, 1))),
    case("in a batch with NaN", batch((1, 1, 1), (_NAN, 1, 1), (5, 1, 1))),
    case("in a batch with infinities", batch((_INF, 1, 1), ("-Infinity", 1, 1), (5, 1, 1))),
    case(
        "without steps",
        metrics({"key": "k", "value": 1, "timestamp": 1}, {"key": "k", "value": 2, "timestamp": 1}),
    ),
    case("two keys", batch((1, 1, 1)), batch((2, 1, 1), key="m"), batch((3, 2, 1))),
    case("keys that differ in case", batch((1, 1, 1), key="a"), batch((2, 1, 1), key="A")),
    case("extreme steps", batch((1, 2**63 - 1, 1), (2, -(2**63), 1))),
    case("extreme times", batch((1, 1, 2**63 - 1), (2, 1, -(2**63)))),
]

_MANY = [metric(key=f"k{i % 3}", value=i / 7, step=i, timestamp=i) for i in range(1001)]
_BATCHES = [
    case("of nothing", post(_BATCH, run_id="<run>")),
    case("of empty lists", post(_BATCH, run_id="<run>", metrics=[], params=[], tags=[])),
    case("of nulls", post(_BATCH, run_id="<run>", metrics=None, params=None, tags=None)),
    case("without run", post(_BATCH, metrics=[metric()])),
    case("by run_uuid", post(_BATCH, run_uuid="<run>", metrics=[metric()])),
    case("999 metrics", metrics(*_MANY[:999])),
    case("1000 metrics", metrics(*_MANY[:1000])),
    case("1001 metrics", metrics(*_MANY)),
    case("100 params", params(*[entry(f"k{i}") for i in range(100)])),
    case("101 params", params(*[entry(f"k{i}") for i in range(101)])),
    case("100 tags", tags(*[entry(f"k{i}") for i in range(100)])),
    case("101 tags", tags(*[entry(f"k{i}") for i in range(101)])),
    case("1000 in all", params(*[entry(f"k{i}") for i in range(50)], metrics=_MANY[:950])),
    case("1001 in all", params(*[entry(f"k{i}") for i in range(51)], metrics=_MANY[:950])),
    case("nearly a megabyte", tags(*[entry(f"k{i}", "v" * 8_000) for i in range(99)])),
    case(
        "over a megabyte",
        params(
            *[entry(f"k{i}", "v" * 6_000) for i in range(100)],
            tags=[entry(f"k{i}", "v" * 8_000) for i in range(60)],
        ),
    ),
    case("over a megabyte of blanks", raw(_BATCH, '{"run_id": "<run>"' + " " * 1_000_000 + "}")),
    case("all kinds", params(entry(), tags=[entry()], metrics=[metric()])),
    case("param again", params(entry()), params(entry(), entry("other"))),
    case("param conflict", params(entry()), params(entry("k", "w"), entry("other"))),
    case(
        "param conflict stores no metric",
        params(entry()),
        params(entry("k", "w"), metrics=[metric()]),
    ),
    case("param conflict stores no tag", params(entry()), params(entry("k", "w"), tags=[entry()])),
    case("param twice", params(entry(), entry())),
    case("param twice with two values", params(entry(), entry("k", "w"))),
    case("param twice later", params(entry("a")), params(entry("a"), entry("a", "w"))),
    case("two conflicts", params(entry("a"), entry("b")), params(entry("a", "1"), entry("b", "2"))),
    case("param of 6000", params(entry("k", "v" * 6_000))),
    case("param of 6001", params(entry("k", "v" * 6_001), metrics=[metric()])),
    case("param key of 251", params(entry("k" * 251), metrics=[metric()])),
    case("param without value", params({"key": "k"})),
    case("param with null", params(entry("k", None))),
    case("param with a number", params(entry("k", 3))),
    case("param empty", params(entry("k", ""))),
    case("param with more", params(entry(more=1))),
    case("tag again", tags(entry()), tags(entry("k", "w"))),
    case("tag twice", tags(entry(), entry("k", "w"))),
    case("tag twice later", tags(entry()), tags(entry("k", "x"), entry("k", "w"))),
    case("tag of 8000", tags(entry("k", "v" * 8_000))),
    case("tag of 8001", tags(entry("k", "v" * 8_001), metrics=[metric()])),
    case("tag without value", tags({"key": "k"})),
    case("tag of the run name", tags(entry("mlflow.runName", "renamed"))),
    case("tag of an empty run name", tags(entry("mlflow.runName", ""))),
    case(
        "tag of user and source", tags(entry("mlflow.user", "me"), entry("mlflow.source.name", "x"))
    ),
    case("metric without step", metrics({"key": "k", "value": 1, "timestamp": 1})),
    case("metric without timestamp", metrics({"key": "k", "value": 1})),
    case("metric without value", metrics({"key": "k", "timestamp": 1})),
    case("metric without key", metrics({"value": 1, "timestamp": 1})),
    case("metric that is null", metrics(None)),
    case("metric that is a text", metrics("k")),
    case("metric that is empty", metrics({})),
    case("metrics as an object", post(_BATCH, run_id="<run>", metrics={"k": 1})),
    case("metrics as a text", post(_BATCH, run_id="<run>", metrics="k")),
    case("bad metric after good ones", metrics(metric(), metric(key="a//b"))),
    case("long metric key after good ones", metrics(metric(), metric(key="k" * 251))),
    case("bad param beside good metric", params(entry("a//b"), metrics=[metric()])),
    case("bad tag beside good metric", tags(entry("a//b"), metrics=[metric()])),
    case("metric with its run", metrics(metric(run_id="<run>"))),
    case("metric with another run", metrics(metric(run_id="<other run>"))),
    case("metric with a model", metrics(metric(model_id="<model>")), get("logged-models/<model>")),
    case(
        "metric with a model and a dataset",
        metrics(metric(model_id="<model>", dataset_name="d", dataset_digest="x")),
        get("logged-models/<model>"),
    ),
    case(
        "metrics with and without a model",
        metrics(metric(), metric(model_id="<model>", value=2)),
        get("logged-models/<model>"),
    ),
    case(
        "same point of two models",
        metrics(metric(), metric(model_id="<model>")),
        get("logged-models/<model>"),
        marks=[repeated_point],
    ),
    case("metric with an unknown model", metrics(metric(model_id="m-" + "1" * 32))),
    case("metric with half a dataset", metrics(metric(dataset_name="d"))),
    case("metric with more", metrics(metric(more=1))),
    case("bad value beside a tag", tags(entry(), metrics=[metric(value="abc")])),
    case("null value beside a tag", tags(entry(), metrics=[metric(value=None)])),
    *(case(f"value {value}", spelled_in_batch("value", value)) for value in _NUMBERS),
    *(
        case(f"{field} {value}", spelled_in_batch(field, value))
        for field in ("step", "timestamp")
        for value in _INTEGERS[:14]
    ),
    *(case(f"metric key {key!r}", metrics(metric(key=key))) for key in _KEYS),
    *(case(f"param key {key!r}", params(entry(key))) for key in _KEYS),
    *(case(f"tag key {key!r}", tags(entry(key))) for key in _KEYS),
]


@pytest.mark.parametrize("calls", _POINTS)
def test_point(pair: Pair, calls: tuple[Call, ...]) -> None:
    pair.play(*calls)
    pair.compare_state()


@pytest.mark.parametrize("calls", _LATEST)
def test_latest(pair: Pair, calls: tuple[Call, ...]) -> None:
    pair.play(*calls)
    pair.compare_state()


@pytest.mark.parametrize("calls", _BATCHES)
def test_batch(pair: Pair, calls: tuple[Call, ...]) -> None:
    pair.play(*calls)
    pair.compare_state()
