"""POST and GET headwater/metrics/ingest, as a client meets them."""

import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from tests.asgi import call
from tests.unit.mlflow_plugin.conftest import insert_run

from headwater.config import ServerConfig
from headwater.entities.metric import Points
from headwater.mlflow_release import installed_release
from headwater.server.app import Front
from headwater.server.body import LARGEST_BUFFERED
from headwater.server.gate import Gate
from headwater.server.routes import native_routes
from headwater.storage.metadata.prepare import create
from headwater.storage.metadata.sqlite import SqliteDatabase
from headwater.storage.metrics.sqlite import SqliteMetricEngine
from headwater.tracking.service import TrackingService
from headwater.wire.ingest import CONTENT_TYPE, encode_frame

PATH = "/api/2.0/headwater/metrics/ingest"
CLIENT = uuid.UUID(int=7).hex
RUN = "a" * 32
HEADERS = {"host": "localhost:5000", "content-type": CONTENT_TYPE}


async def no_upstream(*_: Any) -> None:
    raise AssertionError("the request was handed to MLflow")


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    path = tmp_path / "mlflow.db"
    release = installed_release()
    create(path, release, "mlflow-artifacts:/")
    insert_run(path, RUN)
    database = SqliteDatabase(path)
    service = TrackingService(
        database, SqliteMetricEngine(), "mlflow-artifacts:/", release.behaviour
    )
    config = ServerConfig(database=path, artifact_root="mlflow-artifacts:/")
    yield Front(config, release, native_routes(), Gate(service), no_upstream)
    database.close()


def frame(sequence: int, count: int = 3) -> bytes:
    steps = np.arange(count)
    points = Points(("loss",), np.zeros(count, np.intp), steps, 1000 + steps, steps / 7)
    return encode_frame(CLIENT, sequence, [(RUN, points)])


async def send(front: Front, body: bytes, **headers: str) -> tuple[int, Any]:
    answer = await call(front, "POST", PATH, {**HEADERS, **headers}, [body])
    return answer.status, json.loads(answer.body)


async def test_a_frame_is_stored_and_counted(front: Front) -> None:
    stored = {"sequence": 1, "duplicate": False, "points": 3, "refused": []}
    assert await send(front, frame(1)) == (200, stored)
    assert await send(front, frame(1)) == (200, {**stored, "duplicate": True, "points": 0})
    answer = await call(front, "GET", f"{PATH}?client_id={uuid.UUID(CLIENT)}", HEADERS)
    assert json.loads(answer.body) == {"client_id": CLIENT, "sequence": 1}


@pytest.mark.parametrize("count", [3, 200_000])
async def test_zstd(front: Front, count: int) -> None:
    body = zstandard.compress(frame(1, count))
    status, answer = await send(front, body, **{"content-encoding": "zstd"})
    assert (status, answer["points"]) == (200, count)


async def test_a_gap_is_a_conflict(front: Front) -> None:
    status, answer = await send(front, frame(2))
    assert (status, answer["error_code"]) == (409, "RESOURCE_CONFLICT")
    assert "Frame 1" in answer["message"]


async def test_damage_is_refused(front: Front) -> None:
    for body in (frame(1)[:-1], b"", b"{}"):
        status, answer = await send(front, body)
        assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


async def test_a_body_beyond_the_limit_is_refused(front: Front) -> None:
    status, answer = await send(front, bytes(LARGEST_BUFFERED + 1))
    assert status == 413
    assert "8 MiB" in answer["message"]


@pytest.mark.parametrize("query", ["", "?client_id=x", "?client_id=", "?run_id=1", "?a=%ff"])
async def test_the_position_of_no_client_is_refused(front: Front, query: str) -> None:
    answer = await call(front, "GET", PATH + query, HEADERS)
    assert answer.status == 400
    assert "client_id" in json.loads(answer.body)["message"]


async def test_a_client_that_never_sent_is_at_zero(front: Front) -> None:
    answer = await call(front, "GET", f"{PATH}?client_id={CLIENT}", HEADERS)
    assert json.loads(answer.body)["sequence"] == 0
