"""What goes through the spool, and what goes straight to the server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Metric, Param, RunTag
from mlflow.store.tracking.rest_store import RestStore
from tests.unit.mlflow_plugin.conftest import MLFLOWS_WARNINGS

from headwater.client.spool.directory import spools_in
from headwater.client.spool.progress import START
from headwater.client.spool.reader import SpoolReader
from headwater.client.spool.session import Session
from headwater.client.spool.writer import SpoolWriter
from headwater.errors import SpoolFullError
from headwater.mlflow_plugin.spooling_store import SpoolingStore
from headwater.wire.operations import LogModelMetrics, LogParams, ModelPoint, SetTags

pytestmark = MLFLOWS_WARNINGS

RUN = "a" * 32
STRAIGHT = ("log_metric", "log_param", "set_tag", "log_batch")


@pytest.fixture
def straight(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the calls that MLflow's own store took."""
    taken: list[str] = []
    for name in STRAIGHT:
        monkeypatch.setattr(RestStore, name, lambda *_, name=name, **__: taken.append(name))
    return taken


@pytest.fixture
def store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, straight: list[str], request: Any
) -> Iterator[SpoolingStore]:
    monkeypatch.setenv("HEADWATER_SPOOL_DIR", str(tmp_path))
    monkeypatch.setattr(Session, "_see_to_sender", lambda _: None)
    # A port of its own: a process has one session for a server.
    store = SpoolingStore(f"headwater://127.0.0.1:9/{request.node.name}")
    store._params[RUN] = {"known": "1"}
    yield store
    store._session.abandon()


def spooled(root: Path) -> tuple[list[tuple[str, float]], list[Any]]:
    [spool] = spools_in(root)
    part = SpoolReader(spool).read(START)
    if part is None:
        return [], []
    points = [
        (batch.keys[index], value)
        for _, batch in part.batches
        for index, value in zip(batch.key_index, batch.values.tolist(), strict=True)
    ]
    return points, list(part.operations)


def test_what_is_ordinary_is_spooled(
    store: SpoolingStore, straight: list[str], tmp_path: Path
) -> None:
    store.log_metric(RUN, Metric("loss", 0.5, 1, 2))
    store.log_param(RUN, Param("lr", "0.1"))
    store.log_param(RUN, Param("known", "1"))
    store.set_tag(RUN, RunTag("team", "blue"))
    store.log_batch(RUN, [Metric("acc", 1, 3, 4)], [Param("depth", "3")], [])
    store.log_metric(RUN, Metric("f1", float("nan"), 5, 6, model_id="m-1"))
    points, operations = spooled(tmp_path)
    assert points == [("loss", 0.5), ("acc", 1.0)]
    assert operations == [
        LogParams(RUN, {"lr": "0.1"}),
        LogParams(RUN, {"known": "1"}),
        SetTags(RUN, {"team": "blue"}),
        LogParams(RUN, {"depth": "3"}),
        LogModelMetrics(RUN, [ModelPoint("f1", "NaN", 5, 6, "m-1")]),
    ]
    assert straight == []


@pytest.mark.parametrize(
    ("name", "thing"),
    [
        ("log_metric", Metric("../x", 0.5, 1, 2)),
        ("log_metric", Metric("loss", "high", 1, 2)),
        ("log_metric", Metric("loss", 0.5, -1, 2)),
        ("log_metric", Metric("loss", 0.5, 1, 2**63)),
        ("log_param", Param("known", "2")),
        ("log_param", Param("long", "x" * 6_001)),
        ("log_param", Param("", "x")),
        ("set_tag", RunTag("long", "x" * 8_001)),
        ("set_tag", RunTag("mlflow.runName", "")),
    ],
)
def test_what_is_unusual_is_the_servers_to_answer(
    store: SpoolingStore, straight: list[str], name: str, thing: Any
) -> None:
    getattr(store, name)(RUN, thing)
    assert straight == [name]


def test_what_finds_no_room_goes_straight(
    store: SpoolingStore, straight: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise SpoolFullError("full")

    monkeypatch.setattr(SpoolWriter, "append_operation", full)
    store.log_param(RUN, Param("lr", "0.1"))
    store.set_tag(RUN, RunTag("team", "blue"))
    store.log_batch(RUN, [], [Param("depth", "3")], [])
    assert straight == ["log_param", "set_tag", "log_batch"]
    assert store._params[RUN] == {"known": "1"}
