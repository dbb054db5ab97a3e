"""Metric histories: order, pages, many runs, step ranges and samples, always of the same runs."""

import math
from collections.abc import Callable

import pytest
from tests.compatibility.calls import Call, case, get, post
from tests.compatibility.deviations import whole_history
from tests.compatibility.pair import Pair
from tests.compatibility.samples import play_sample

_HISTORY = "metrics/get-history"
_BULK = "metrics/get-history-bulk"
_INTERVAL = "metrics/get-history-bulk-interval"
_UNKNOWN = "0123456789abcdef0123456789abcdef"
_POINTS = 1_500


def _point(key: str, value: object, step: int, timestamp: int) -> dict[str, object]:
    return {"key": key, "value": value, "step": step, "timestamp": timestamp}


def _batches(run: str, points: list[dict[str, object]]) -> list[Call]:
    return [
        post("runs/log-batch", run_id=run, metrics=points[start : start + 1000])
        for start in range(0, len(points), 1000)
    ]


def _create_two_runs_in_order(pair: Pair) -> None:
    """Let the smaller id be ``<run>`` on both servers: MLflow sorts bulk histories by run id."""
    create = post("runs/create", experiment_id="<experiment>", start_time=1, run_name="a run")
    pair.play(create.saving(one="run.info.run_id"), create.saving(two="run.info.run_id"))
    for side in (pair.stock, pair.candidate):
        ids = sorted(side.names.by_label[label] for label in ("<one>", "<two>"))
        for label, run_id in zip(("<run>", "<other run>"), ids, strict=True):
            side.names.give(label, run_id)
    pair.known.update(("<run>", "<other run>"))


@pytest.fixture(scope="module")
def histories(new_pair: Callable[[], Pair]) -> Pair:
    """Three runs: a long curve, one with odd values out of order, and a deleted one."""
    pair = new_pair()
    pair.create("<experiment>")
    _create_two_runs_in_order(pair)
    curve = [_point("curve", math.sin(i / 9), i, 1000 + i // 2) for i in range(_POINTS)]
    odd = [
        *(_point("odd", value, 5, 5) for value in (3, "NaN", -1, "Infinity", 3, "-Infinity")),
        *(_point("odd", i, -i, 100 - i) for i in range(9)),
        *(_point("odd", 1, i, 7) for i in (9, 3, 6)),
        *(_point("same step", i, 1, i) for i in range(30)),
        *(_point("same all", i, 1, 1) for i in range(30)),
        *(_point("a/b c", i, i, i) for i in range(3)),
        *(_point("gaps", i, i * i, i) for i in range(60)),
        _point("single", 7, 2**62, 2**60),
    ]
    short = [_point("curve", i, i * 10, 1000 + i) for i in range(40)]
    pair.play(*_batches("<run>", curve), *_batches("<other run>", odd + short))
    pair.play(
        post("runs/create", experiment_id="<experiment>", start_time=9).saving(
            gone="run.info.run_id"
        ),
        *_batches("<gone>", [_point("curve", i, i, i) for i in range(5)]),
        post("runs/delete", run_id="<gone>"),
    )
    return pair


_KEYS = ("curve", "odd", "same+step", "same+all", "a%2Fb+c", "gaps", "single", "unknown", "CURVE")
_CASES = [
    *(
        case(f"{run} {key}", get(_HISTORY, f"run_id={run}&metric_key={key}&max_results=2000"))
        for run in ("<run>", "<other run>", "<gone>")
        for key in _KEYS
    ),
    case("unknown run", get(_HISTORY, f"run_id={_UNKNOWN}&metric_key=curve")),
    case("without a size", get(_HISTORY, "run_id=<run>&metric_key=curve"), marks=[whole_history]),
    case("by run_uuid", get(_HISTORY, "run_uuid=<other run>&metric_key=odd&max_results=9")),
    case(
        "by both", get(_HISTORY, "run_id=<other run>&run_uuid=<run>&metric_key=odd&max_results=9")
    ),
    *(
        case(
            f"pages of {size}",
            get(_HISTORY, f"run_id=<other run>&metric_key=odd&max_results={size}"),
            get(
                _HISTORY, f"run_id=<other run>&metric_key=odd&max_results={size}&page_token=<token>"
            ),
            marks=[whole_history] if size == "-1" else [],
        )
        for size in (
            "1",
            "3",
            "18",
            "19",
            "20",
            "50000",
            "50001",
            "0",
            "-1",
            "1e3",
            "3.0",
            "abc",
            "+3",
            "03",
            str(2**31 - 1),
            str(2**31),
            str(2**63),
        )
    ),
    *(
        case(
            f"page token {token!r}",
            get(_HISTORY, f"run_id=<other run>&metric_key=odd&max_results=3&page_token={token}"),
        )
        for token in (
            "abc",
            "",
            "eyJvZmZzZXQiOiA1fQ==",
            "eyJvZmZzZXQiOiAtNX0=",
            "eyJvZmZzZXQiOiAiNSJ9",
            "eyJvZmZzZXQiOiA1LjV9",
            "e30=",
            "bnVsbA==",
            "W10=",
            "%00",
            "eyJvZmZzZXQiOiAxMDAwfQ==",
            "eyJvZmZzZXQiOjV9",
            "eyJvZmZzZXQiOiA1fQ",
            "%F0%9F%9A%80",
        )
    ),
    case(
        "page token without a size",
        get(_HISTORY, "run_id=<other run>&metric_key=odd&page_token=eyJvZmZzZXQiOiA1fQ=="),
        marks=[whole_history],
    ),
    case(
        "size twice", get(_HISTORY, "run_id=<other run>&metric_key=odd&max_results=3&max_results=5")
    ),
    case(
        "metric twice",
        get(_HISTORY, "run_id=<other run>&metric_key=odd&metric_key=curve&max_results=9"),
    ),
]

_BOTH = "run_id=<run>&run_id=<other run>"
_BULK_CASES = [
    *(case(f"two runs {key}", get(_BULK, f"{_BOTH}&metric_key={key}")) for key in _KEYS),
    *(
        case(
            f"two runs {key} at most {size}",
            get(_BULK, f"{_BOTH}&metric_key={key}&max_results={size}"),
        )
        for key in ("curve", "odd")
        for size in (
            "0",
            "1",
            "5",
            "1500",
            "1501",
            "25000",
            "25001",
            "99999999",
            "-1",
            "abc",
            "1.5",
            "",
            "+5",
            "1_0",
        )
    ),
    case(
        "runs in the other order",
        get(_BULK, "run_id=<other run>&run_id=<run>&metric_key=curve&max_results=1510"),
    ),
    case("one run twice", get(_BULK, "run_id=<run>&run_id=<run>&metric_key=curve&max_results=20")),
    case("a deleted run", get(_BULK, "run_id=<gone>&metric_key=curve")),
    case("an unknown run", get(_BULK, f"run_id={_UNKNOWN}&metric_key=curve")),
    case(
        "an unknown run beside a known one",
        get(_BULK, f"run_id={_UNKNOWN}&run_id=<gone>&metric_key=curve"),
    ),
    case("an empty run", get(_BULK, "run_id=&metric_key=curve")),
    case("runs as run_ids", get(_BULK, "run_ids=<gone>&metric_key=curve")),
    case("100 runs", get(_BULK, "&".join(["run_id=<gone>"] * 100) + "&metric_key=curve")),
    case("101 runs", get(_BULK, "&".join(["run_id=<gone>"] * 101) + "&metric_key=curve")),
    case("no metric", get(_BULK, "run_id=<run>")),
    case("empty metric", get(_BULK, "run_id=<run>&metric_key=")),
    case("metric twice", get(_BULK, "run_id=<gone>&metric_key=curve&metric_key=odd")),
    case("steps ignored", get(_BULK, "run_id=<gone>&metric_key=curve&start_step=2&end_step=3")),
    case("a page token", get(_BULK, "run_id=<gone>&metric_key=curve&page_token=x")),
]

_BOTH_IDS = "run_ids=<run>&run_ids=<other run>"
_SIZES = ("1", "2", "3", "5", "7", "10", "39", "40", "41", "320", "1499", "1500", "1501", "2500")
_INTERVAL_CASES = [
    *(case(f"two runs {key}", get(_INTERVAL, f"{_BOTH_IDS}&metric_key={key}")) for key in _KEYS),
    *(
        case(
            f"two runs {key} at most {size}",
            get(_INTERVAL, f"{_BOTH_IDS}&metric_key={key}&max_results={size}"),
        )
        for key in ("curve", "odd", "same+step", "same+all", "gaps")
        for size in _SIZES
    ),
    *(
        case(
            f"at most {size}", get(_INTERVAL, f"run_ids=<gone>&metric_key=curve&max_results={size}")
        )
        for size in ("0", "-1", "2501", "abc", "1.5", "", "+5", "05")
    ),
    *(
        case(
            f"steps {start} to {end} of {key}",
            get(
                _INTERVAL,
                f"{_BOTH_IDS}&metric_key={key}&start_step={start}&end_step={end}&max_results=10",
            ),
        )
        for key in ("curve", "gaps", "odd")
        for start, end in (
            (0, 0),
            (0, 100),
            (-5, 5),
            (10, 10),
            (3, 2),
            (5, 3000),
            (1499, 1499),
            (5000, 6000),
            (-9, -1),
            (-(2**63), 2**63 - 1),
            (0, 2**63),
            ("a", 1),
            ("", ""),
            (1.5, 2),
            (100, 900),
        )
    ),
    case("only a start", get(_INTERVAL, "run_ids=<gone>&metric_key=curve&start_step=1")),
    case("only an end", get(_INTERVAL, "run_ids=<gone>&metric_key=curve&end_step=1")),
    case(
        "range without size",
        get(_INTERVAL, f"{_BOTH_IDS}&metric_key=curve&start_step=7&end_step=600"),
    ),
    case(
        "runs in the other order",
        get(_INTERVAL, "run_ids=<other run>&run_ids=<run>&metric_key=curve&max_results=9"),
    ),
    case(
        "one run twice",
        get(_INTERVAL, "run_ids=<run>&run_ids=<run>&metric_key=curve&max_results=9"),
    ),
    case("a deleted run", get(_INTERVAL, "run_ids=<gone>&metric_key=curve")),
    case("an unknown run", get(_INTERVAL, f"run_ids={_UNKNOWN}&metric_key=curve")),
    case(
        "an unknown run beside a known one",
        get(_INTERVAL, f"run_ids={_UNKNOWN}&run_ids=<gone>&metric_key=curve"),
    ),
    case("runs as run_id", get(_INTERVAL, "run_id=<gone>&metric_key=curve")),
    case("100 runs", get(_INTERVAL, "&".join(["run_ids=<gone>"] * 100) + "&metric_key=curve")),
    case("101 runs", get(_INTERVAL, "&".join(["run_ids=<gone>"] * 101) + "&metric_key=curve")),
    case(
        "runs of two kinds of curves",
        get(
            _INTERVAL,
            "run_ids=<run>&run_ids=<other run>&run_ids=<gone>&metric_key=curve&max_results=4",
        ),
    ),
]


@pytest.mark.parametrize("calls", _CASES)
def test_history(histories: Pair, calls: tuple[Call, ...]) -> None:
    body = histories.play(calls[0])
    if body and "next_page_token" in body:
        histories.give("<token>", body["next_page_token"])
        histories.play(*calls[1:])


@pytest.mark.parametrize("calls", _BULK_CASES)
def test_bulk(histories: Pair, calls: tuple[Call, ...]) -> None:
    histories.play(*calls)


@pytest.mark.parametrize("calls", _INTERVAL_CASES)
def test_interval(histories: Pair, calls: tuple[Call, ...]) -> None:
    for call in calls:
        play_sample(histories, call)
