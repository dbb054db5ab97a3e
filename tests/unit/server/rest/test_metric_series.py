"""GET headwater/metrics/series: many metrics of many runs, thinned out, in columns."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
import pytest
from tests.asgi import call

from headwater.config import ServerConfig
from headwater.entities.metric import Points, storable
from headwater.mlflow_release import installed_release
from headwater.server.app import Front
from headwater.server.gate import Gate
from headwater.server.routes import native_routes
from headwater.storage.metadata.prepare import create
from headwater.storage.metadata.sqlite import SqliteDatabase
from headwater.storage.metrics.compact import compact_run
from headwater.storage.metrics.sqlite import SqliteMetricEngine
from headwater.tracking.service import TrackingService

ARROW = "application/vnd.apache.arrow.stream"
PATH = "/api/2.0/headwater/metrics/series"
A, B = "a" * 32, "b" * 32
Ask = Callable[..., Any]


@pytest.fixture
async def ask(tmp_path: Path) -> Any:
    """Ask a server whose run A has 5,000 points of loss, in two parts, and three of acc."""
    path = tmp_path / "mlflow.db"
    release = installed_release()
    create(path, release, "mlflow-artifacts:/")
    database, engine = SqliteDatabase(path), SqliteMetricEngine()
    for run_id in (A, B):
        await database.write(
            lambda c, run_id=run_id: c.execute(  # type: ignore[misc]
                "INSERT INTO runs (run_uuid, experiment_id, status, lifecycle_stage)"
                " VALUES (?, 0, 'RUNNING', 'active')",
                (run_id,),
            )
        )
    steps = np.arange(5_000)
    values = np.sin(steps / 100)
    values[2_345] = 77.0
    key = np.zeros(5_000, np.intp)
    for part in (slice(0, 3_000), slice(3_000, 5_000)):
        points = Points(("loss",), key[part], steps[part], 10**6 + steps[part] * 10, values[part])
        await database.write(lambda c, points=points: engine.append(c, A, points))  # type: ignore[misc]
        if part.start == 0:
            await compact_run(database, A)
    three = Points(
        ("acc",), key[:3], np.array([7, 8, 9]), np.array([3, 2, 1]),
        storable(np.array([np.nan, np.inf, 0.5])),
    )  # fmt: skip
    for run_id in (A, B):
        await database.write(lambda c, run_id=run_id: engine.append(c, run_id, three))  # type: ignore[misc]
    service = TrackingService(database, engine, "mlflow-artifacts:/", release.behaviour)
    config = ServerConfig(database=path, artifact_root="mlflow-artifacts:/")

    async def refused(*_: object) -> None:
        raise AssertionError("handed over to MLflow")

    front = Front(config, release, native_routes(), Gate(service), refused)

    async def asking(status: int = 200, accept: str = "*/*", **query: object) -> Any:
        headers = {"host": "localhost:5000", "accept": accept}
        answer = await call(front, "GET", f"{PATH}?{urlencode(query, doseq=True)}", headers)
        assert answer.status == status, answer.body
        content_type = dict(answer.headers)["content-type"]
        if content_type == ARROW:
            with pa.ipc.open_stream(answer.body) as reader:
                return reader.read_all()
        assert content_type == "application/json"
        return json.loads(answer.body)

    yield asking
    database.close()


async def test_a_spike_in_chunks_and_blocks_is_never_lost(ask: Ask) -> None:
    (series,) = (await ask(run_id=A, key="loss", points=100))["series"]
    assert series["total"] == 5_000
    assert len(series["steps"]) <= 100
    assert series["values"][series["steps"].index(2_345)] == 77.0
    assert (series["steps"][0], series["steps"][-1]) == (0, 4_999)


async def test_few_points_come_as_they_are_by_step_or_by_time(ask: Ask) -> None:
    by_step = await ask(run_id=B, key="acc")
    assert by_step == {
        "axis": "step",
        "series": [
            {
                "run_id": B,
                "key": "acc",
                "total": 3,
                "steps": [7, 8, 9],
                "timestamps": [3, 2, 1],
                "values": [None, 1.7976931348623157e308, 0.5],
            }
        ],
    }
    by_time = await ask(run_id=B, key="acc", axis="time")
    assert by_time["axis"] == "time"
    assert by_time["series"][0]["timestamps"] == [1, 2, 3]


@pytest.mark.parametrize(
    "asked", [{"format": "arrow"}, {"accept": f"text/html, {ARROW};q=0.9, */*;q=0.1"}]
)
async def test_arrow_says_the_same_as_json(ask: Ask, asked: dict[str, str]) -> None:
    query = {"run_id": [B, A], "key": ["loss", "acc"], "points": 50}
    json_answer = await ask(**query)
    table = await ask(**query, **asked)
    described = json.loads(table.schema.metadata[b"series"])
    assert table.schema.metadata[b"axis"] == b"step"
    rows = table.to_pylist()
    for series, told in zip(json_answer["series"], described, strict=True):
        own, rows = rows[: told["points"]], rows[told["points"] :]
        assert {(row["run_id"], row["key"]) for row in own} == {(series["run_id"], series["key"])}
        assert told["total"] == series["total"]
        assert [row["step"] for row in own] == series["steps"]
        times = [round(row["timestamp"].timestamp() * 1000) for row in own]
        assert times == series["timestamps"]
        values = [None if math.isnan(row["value"]) else row["value"] for row in own]
        assert values == series["values"]
    assert rows == []
    assert table.to_pandas()["run_id"].unique().tolist() == [B, A]


async def test_arrow_of_nothing_has_its_columns(ask: Ask) -> None:
    table = await ask(run_id="c" * 32, key="loss", format="arrow")
    assert table.num_rows == 0
    assert table.column_names == ["run_id", "key", "step", "timestamp", "value"]


async def test_json_is_what_a_browser_gets(ask: Ask) -> None:
    answer = await ask(run_id=B, key="acc", accept="text/html, */*")
    assert answer["axis"] == "step"
    again = await ask(run_id=B, key="acc", accept=ARROW, format="json")
    assert again == answer


async def test_a_range_is_cut_out_before_it_is_thinned_out(ask: Ask) -> None:
    (series,) = (await ask(run_id=A, key="loss", start=2_900, end=3_099, points=400))["series"]
    assert series["total"] == 200
    assert series["steps"] == list(range(2_900, 3_100))
    (timed,) = (await ask(run_id=A, key="loss", axis="time", start=10**6 + 49_985))["series"]
    assert timed["steps"] == [4_999]


async def test_series_come_by_run_then_by_key_and_only_where_there_are_points(ask: Ask) -> None:
    found = await ask(run_id=[B, A, "c" * 32, B], key=["loss", "acc", "nothing"])
    assert [(s["run_id"], s["key"]) for s in found["series"]] == [
        (B, "acc"),
        (A, "loss"),
        (A, "acc"),
    ]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"key": "loss"}, "'run_id'"),
        ({"run_id": A}, "'key'"),
        ({"run_id": "", "key": "loss"}, "'run_id'"),
        ({"run_id": [f"{n}" for n in range(101)], "key": "loss"}, "more than 100 times"),
        (
            {"run_id": [f"{n}" for n in range(50)], "key": [f"{n}" for n in range(21)]},
            "more than 1000 series",
        ),
        ({"run_id": A, "key": "loss", "axis": "wall"}, "neither 'step' nor 'time'"),
        ({"run_id": A, "key": "loss", "points": 3}, "between 4 and 10000"),
        ({"run_id": A, "key": "loss", "points": "many"}, "'points'"),
        ({"run_id": A, "key": "loss", "start": 2**63}, "'start'"),
        ({"run_id": A, "key": "loss", "start": 5, "end": 4}, "5 is after 'end'"),
        ({"run_id": A, "key": "loss", "start": [1, 2]}, "'start' occurs twice"),
        ({"run_id": A, "key": "loss", "metric_key": "x"}, "Unknown parameter 'metric_key'"),
        ({"run_id": A, "key": "loss", "format": "csv"}, "neither 'json' nor 'arrow'"),
        ({}, "'run_id'"),
    ],
)
async def test_bad_parameters_are_named(ask: Ask, query: dict[str, Any], message: str) -> None:
    refused = await ask(400, **query)
    assert refused["error_code"] == "INVALID_PARAMETER_VALUE"
    assert message in refused["message"]
