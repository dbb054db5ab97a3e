"""Runs as a table: columns, groups, histograms, formats, and what is refused."""

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
import pytest

from headwater.errors import InvalidParameterError, NotFoundError
from headwater.mlflow_release import installed_release
from headwater.server.rest import search_run_table
from headwater.server.rest.request import Content, Request
from headwater.storage.metadata import run_columns
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.prepare import create
from headwater.storage.metadata.settle_runs import settle_runs
from headwater.storage.metadata.sqlite import SqliteDatabase
from headwater.storage.metadata.sqlite_connection import connect
from headwater.storage.metrics.sqlite import SqliteMetricEngine
from headwater.tracking.service import TrackingService

_LOSSES = [0.5, None, "NaN", 0.25, 1.0]
_KINDS = ["a", "b", "a", None, "x" * 70]


def _insert(connection: Connection) -> None:
    for number, (loss, kind) in enumerate(zip(_LOSSES, _KINDS, strict=True)):
        run_id = f"r{number}"
        connection.execute(
            "INSERT INTO runs (run_uuid, name, experiment_id, status, lifecycle_stage, start_time,"
            " end_time) VALUES (?, 'n', 0, 'FINISHED', 'active', ?, ?)",
            (run_id, 100 - number, 150),
        )
        if loss is not None:
            connection.execute(
                "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid)"
                " VALUES ('loss', ?, 0, 0, ?, ?)",
                (0.0 if loss == "NaN" else loss, loss == "NaN", run_id),
            )
        if kind is not None:
            connection.execute(
                "INSERT INTO params (key, value, run_uuid) VALUES ('kind', ?, ?)", (kind, run_id)
            )
            connection.execute(
                "INSERT INTO params (key, value, run_uuid) VALUES ('n', ?, ?)", (number, run_id)
            )


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrackingService]:
    path: Path = tmp_path_factory.mktemp("table") / "mlflow.db"
    create(path, installed_release(), "mlflow-artifacts:/")
    with closing(connect(path)) as connection:
        _insert(connection)
        settle_runs(connection, 0)
        connection.execute("UPDATE latest_metrics SET value = 2 WHERE run_uuid = 'r4'")
    database = SqliteDatabase(path)
    behaviour = installed_release().behaviour
    yield TrackingService(database, SqliteMetricEngine(), "mlflow-artifacts:/", behaviour)
    database.close()


def _ask(service: TrackingService, **message: Any) -> Content:
    body = json.dumps({"experiment_ids": ["0"], **message}).encode()
    return asyncio.run(search_run_table.handle(service, Request("POST", b"", body)))


@pytest.mark.parametrize("scanned", [1, 5_000])
def test_chosen_columns(
    service: TrackingService, monkeypatch: pytest.MonkeyPatch, scanned: int
) -> None:
    monkeypatch.setattr(run_columns, "_SCANNED", scanned)
    answer = _ask(
        service,
        attributes=["run_id", "start_time", "duration"],
        metrics=["loss"],
        params=["kind"],
        tags=["none"],
        count=True,
    )
    assert json.loads(answer.body) == {
        "columns": {
            "run_id": ["r0", "r1", "r2", "r3", "r4"],
            "start_time": [100, 99, 98, 97, 96],
            "duration": [50, 51, 52, 53, 54],
            "metrics.loss": [0.5, None, "NaN", 0.25, 2.0],
            "params.kind": _KINDS,
            "tags.none": [None] * 5,
        },
        "rows": 5,
        "total": 5,
    }


def test_pages_and_totals(service: TrackingService) -> None:
    first = json.loads(_ask(service, max_results=2, count=True, order_by=["metrics.loss"]).body)
    assert (first["columns"]["run_id"], first["total"]) == (["r3", "r0"], 5)
    token = first["next_page_token"]
    second = json.loads(_ask(service, page_token=token, order_by=["metrics.loss"]).body)
    assert second["columns"]["run_id"] == ["r4", "r2", "r1"]
    assert "next_page_token" not in second
    back = second["previous_page_token"]
    message = {"order_by": ["metrics.loss"], "count": True, "max_results": 1}
    before = json.loads(_ask(service, page_token=back, **message).body)
    assert (before["columns"]["run_id"], before["total"]) == (["r0"], 5)
    again = json.loads(_ask(service, page_token=before["next_page_token"], **message).body)
    assert again["columns"]["run_id"] == ["r4"]
    first_one = json.loads(_ask(service, page_token=before["previous_page_token"], **message).body)
    assert first_one["columns"]["run_id"] == ["r3"]
    assert "previous_page_token" not in first_one
    assert (
        json.loads(_ask(service, max_results=0, count=True, filter="metrics.loss > 0.3").body)[
            "total"
        ]
        == 2
    )


def test_pages_of_groups(service: TrackingService) -> None:
    first = json.loads(_ask(service, distinct="params.kind", max_results=2).body)
    token = first["next_page_token"]
    rest = json.loads(_ask(service, distinct="params.kind", page_token=token).body)
    assert [len(page["columns"]["params.kind"]) for page in (first, rest)] == [2, 2]


def _altered(token: str, **changes: Any) -> str:
    content = json.loads(urlsafe_b64decode(token + "=="))
    return urlsafe_b64encode(json.dumps(content | changes).encode()).decode()


def test_page_tokens_are_of_one_search_and_version(service: TrackingService) -> None:
    asked = {"order_by": ["metrics.loss", "params.kind DESC"], "max_results": 2}
    token = json.loads(_ask(service, **asked).body)["next_page_token"]
    # What is shown of the runs, and how many, is not the search.
    assert _ask(service, **asked | {"max_results": 1, "tags": ["x"]}, page_token=token)
    for other in (
        {"order_by": ["metrics.loss"]},
        {"filter": "metrics.loss > 0"},
        {"experiment_ids": ["0", "1"]},
        {"run_view_type": "ALL"},
        {"order_by": [], "distinct": "params.kind"},
    ):
        with pytest.raises(InvalidParameterError, match="belongs to another search"):
            _ask(service, **asked | other, page_token=token)
    for changes, said in (
        ({"version": 2}, "another version"),
        ({"beyond": [0, 0.5, "r0"]}, "none that a server returned"),
        ({"beyond": [0, "text", 0, "b", 0, 100, "r0"]}, "none that a server returned"),
        ({"beyond": [0, 0.5, 0, "b\0", 0, 100, "r0"]}, "none that a server returned"),
        ({"beyond": [3, None, 0, "b", 0, 100, "r0"]}, "none that a server returned"),
        ({"beyond": [0, 0.5, 0, "b", 0, 2**63, "r0"]}, "none that a server returned"),
        ({"beyond": [0, 0.5, 0, "b", 0, 100, None]}, "none that a server returned"),
        ({"beyond": []}, "none that a server returned"),
        ({"offset": -1}, "none that a server returned"),
        ({"more": 1}, "none that a server returned"),
    ):
        with pytest.raises(InvalidParameterError, match=said):
            _ask(service, **asked, page_token=_altered(token, **changes))


def test_groups_values_and_bins(service: TrackingService) -> None:
    grouped = json.loads(
        _ask(
            service,
            group_by=["params.kind"],
            aggregates=["count", "mean(metrics.loss)", "max(params.n)"],
            filter="params.kind IN ('a', 'b')",
        ).body
    )
    assert grouped["columns"] == {
        "params.kind": ["a", "b"],
        "count": [2, 1],
        "mean(metrics.loss)": [0.5, None],
        "max(params.n)": [2.0, 1.0],
    }
    distinct = json.loads(_ask(service, distinct="status").body)
    assert distinct["columns"] == {"status": ["FINISHED"], "count": [5]}
    bins = json.loads(_ask(service, histogram="metrics.loss", bins=2).body)
    assert bins["columns"]["count"] == [2, 1]
    assert bins["facts"] == {"infinite": 0, "without": 2}


def test_arrow_and_csv(service: TrackingService) -> None:
    arrow = _ask(service, metrics=["loss"], max_results=3, format="arrow")
    table = pa.ipc.open_stream(arrow.body).read_all()
    assert table.column("run_id").to_pylist() == ["r0", "r1", "r2"]
    assert table.column("metrics.loss").null_count == 1
    assert b"next_page_token" in table.schema.metadata
    csv = _ask(service, metrics=["loss"], format="csv")
    assert csv.body == b"run_id,metrics.loss\nr0,0.5\nr1,\nr2,NaN\nr3,0.25\nr4,2.0\n"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"experiment_ids": []}, "experiment_ids"),
        ({"attributes": ["speed"]}, "attributes"),
        ({"order_by": ["speed"]}, "order_by"),
        ({"group_by": ["params"]}, "group_by"),
        ({"aggregates": ["median(metrics.loss)"]}, "aggregates"),
        ({"aggregates": ["mean(status)"]}, "needs a number"),
        ({"histogram": "metrics.loss", "distinct": "status"}, "Only one of"),
        ({"max_results": -1}, "max_results"),
        ({"page_token": "x"}, "page_token"),
        ({"page_token": "eyJvZmZzZXQiOiAxfQ=="}, "page_token"),
        ({"page_token": "W1tb" * 10_000}, "page_token"),
        ({"bins": 0}, "bins"),
        ({"unknown": 1}, "unknown"),
        ({"filter": "metrics.loss >"}, "filter"),
    ],
)
def test_what_is_wrong_is_named(
    service: TrackingService, message: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidParameterError, match=said):
        _ask(service, **message)


def test_unknown_experiment_is_named(service: TrackingService) -> None:
    with pytest.raises(NotFoundError, match="'nowhere'"):
        _ask(service, experiment_names=["nowhere"])
