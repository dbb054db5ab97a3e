"""Plays get-history-bulk-interval on both servers and compares what samples must share.

The one deliberate deviation: where MLflow thins a history out, Headwater keeps its extremes. See
`tests.samples` for what holds all the same. Answers without points, errors above all, are compared
as any other.
"""

import json
from collections import defaultdict
from typing import Any
from urllib.parse import parse_qs

import httpx
from tests.compatibility.calls import Call, get
from tests.compatibility.pair import Pair, Side
from tests.samples import Point, check_sample

_FIELDS = ["key", "run_id", "step", "timestamp", "value"]


def play_sample(pair: Pair, call: Call) -> None:
    """Send one call to both servers and check the answers."""
    expected, mlflows = pair.stock.send(call, pair.prefix)
    actual, ours = pair.candidate.send(call, pair.prefix)
    if mlflows.status_code != httpx.codes.OK or not mlflows.json().get("metrics"):
        assert actual == expected
        return
    assert (actual.status, actual.headers) == (expected.status, expected.headers)
    wanted = parse_qs(call.query)
    interval = None
    if "start_step" in wanted:
        interval = (int(wanted["start_step"][0]), int(wanted["end_step"][0]))
    shown, shown_by_mlflow = _by_run(ours, pair.candidate), _by_run(mlflows, pair.stock)
    assert list(shown) == list(shown_by_mlflow), "the runs, in order"
    for run, points in shown.items():
        times = wanted["run_ids"].count(run)
        key = wanted["metric_key"][0]
        history = _history(pair.candidate, pair.prefix, run, key)
        assert points == points[: len(points) // times] * times
        assert {json.dumps(point) for point in points} <= {json.dumps(point) for point in history}
        theirs = shown_by_mlflow[run][: len(shown_by_mlflow[run]) // times]
        check_sample(
            [_point(entry) for entry in points[: len(points) // times]],
            [_point(entry) for entry in theirs],
            [_point(entry) for entry in history],
            interval,
        )


def _by_run(response: httpx.Response, side: Side) -> dict[str, list[dict[str, Any]]]:
    """Return the points of each run, without its id, in the order of the answer."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in response.json()["metrics"]:
        assert sorted(entry) == _FIELDS
        label = side.names.by_value[entry["run_id"]]
        found[label].append({field: entry[field] for field in _FIELDS if field != "run_id"})
    return dict(found)


def _history(side: Side, prefix: str, run: str, key: str) -> list[dict[str, Any]]:
    """Return the whole history, which other cases compare with MLflow's."""
    query = f"run_id={run}&metric_key={key}&max_results=5000"
    _, response = side.send(get("metrics/get-history", query), prefix)
    entries = response.json()["metrics"]
    return [{field: entry[field] for field in _FIELDS if field != "run_id"} for entry in entries]


def _point(entry: dict[str, Any]) -> Point:
    return entry["step"], entry["timestamp"], float(entry["value"])
