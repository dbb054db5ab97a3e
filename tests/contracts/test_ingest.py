"""Frames are stored once, in order, whole: on every backend."""

import asyncio
import uuid
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contracts.conftest import Backend
from tests.contracts.metric_rows import EXAMPLES, KEYS, POINT, clear, columns, row, rows

from headwater.entities.metric import Points
from headwater.errors import ConflictError, InvalidParameterError
from headwater.mlflow_release import installed_release
from headwater.tracking.ingest import ingest, ingest_position, plan_ingest
from headwater.tracking.service import TrackingService
from headwater.wire.ingest import Ingested, decode_frame, encode_frame

NAMED = POINT.filter(lambda point: point[0] in ("loss", "val/acc"))
Logged = list[tuple[str, int, int, float]]
LOSS: Logged = [("loss", 1, 1000, 0.5)]


def service_on(backend: Backend) -> TrackingService:
    behaviour = installed_release().behaviour
    return TrackingService(backend.database, backend.metrics, "mlflow-artifacts:/", behaviour)


async def send(
    backend: Backend, client: str, sequence: int, batches: list[tuple[str, Points]]
) -> Ingested:
    frame = plan_ingest(decode_frame(encode_frame(client, sequence, batches)))
    return await ingest(service_on(backend), frame)


def client() -> str:
    return uuid.uuid4().hex


@given(
    frames=st.lists(
        st.lists(st.tuples(st.integers(0, 2), st.lists(NAMED, min_size=1)), max_size=3), max_size=5
    ),
    again=st.lists(st.integers(0, 4), max_size=4),
)
@EXAMPLES
async def test_frames_sent_again_are_stored_once(
    backend: Backend, frames: list[list[tuple[int, Logged]]], again: list[int]
) -> None:
    await backend.database.write(clear)
    one, model = client(), defaultdict(set)
    for number, batches in enumerate(frames, 1):
        named = [(backend.run_ids[run], columns(points)) for run, points in batches]
        result = await send(backend, one, number, named)
        assert result == Ingested(number, False, sum(len(p) for _, p in batches), [])
        for repeated in again:
            if repeated < number:
                result = await send(backend, one, repeated + 1, named)
                assert result == Ingested(number, True, 0, [])
        for run, points in batches:
            for point in points:
                model[backend.run_ids[run], point[0]].add(row(point))
    assert await ingest_position(service_on(backend), one) == len(frames)
    for run_id in backend.run_ids:
        for key in KEYS:
            found = await backend.database.read(
                lambda c, run_id=run_id, key=key: backend.metrics.history(c, run_id, key)  # type: ignore[misc]
            )
            assert rows(found) == sorted(model[run_id, key])


async def blocks(backend: Backend) -> int:
    found = await backend.database.read(
        lambda c: c.execute("SELECT count(*) FROM headwater_metric_blocks").fetchone()
    )
    return int(found[0])


async def test_a_frame_that_skips_one_is_a_conflict_and_stores_nothing(backend: Backend) -> None:
    one, batch = client(), [(backend.run_ids[0], columns(LOSS))]
    with pytest.raises(ConflictError, match=rf"Frame 1 of client {one} was expected, not 2"):
        await send(backend, one, 2, batch)
    await send(backend, one, 1, batch)
    with pytest.raises(ConflictError, match=r"Frame 2 .* not 4"):
        await send(backend, one, 4, batch)
    assert await blocks(backend) == 1


async def test_runs_that_are_gone_are_reported_and_keep_nobody_waiting(backend: Backend) -> None:
    gone, deleted, active = "f" * 32, *backend.run_ids[:2]
    await backend.database.write(
        lambda c: c.execute(
            "UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = ?", (deleted,)
        )
    )
    one, batches = client(), [(run_id, columns(LOSS)) for run_id in (gone, deleted, active)]
    for duplicate in (False, True):
        result = await send(backend, one, 1, batches)
        assert (result.duplicate, result.points) == (duplicate, 0 if duplicate else 1)
        assert {(refused.run_id, refused.error_code) for refused in result.refused} == {
            (gone, "RESOURCE_DOES_NOT_EXIST"),
            (deleted, "INVALID_PARAMETER_VALUE"),
        }
    assert await blocks(backend) == 1


async def test_the_same_frame_at_the_same_time_is_stored_once(backend: Backend) -> None:
    one, batch = client(), [(backend.run_ids[0], columns(LOSS))]
    results = await asyncio.gather(*(send(backend, one, 1, batch) for _ in range(8)))
    assert sorted(result.duplicate for result in results) == [False] + [True] * 7
    assert await blocks(backend) == 1


async def test_clients_do_not_wait_for_each_other_in_a_circle(backend: Backend) -> None:
    ways = [backend.run_ids, backend.run_ids[::-1]]

    async def log(way: tuple[str, ...]) -> None:
        one = client()
        for sequence in range(1, 21):
            await send(backend, one, sequence, [(run_id, columns(LOSS)) for run_id in way])

    await asyncio.gather(*(log(way) for way in ways * 2))
    assert await blocks(backend) == 4 * 20 * 3


@pytest.mark.parametrize(
    ("run_id", "key", "timestamp", "text"),
    [
        ("../x", "loss", 0, "run id"),
        ("a" * 32, "../loss", 0, "key"),
        ("a" * 32, "x" * 251, 0, "251 characters"),
        ("a" * 32, "loss", -1, "negative timestamp"),
    ],
)
async def test_what_mlflow_refuses_is_refused_by_name(
    backend: Backend, run_id: str, key: str, timestamp: int, text: str
) -> None:
    points = columns([(key, 0, timestamp, 1.0)])
    with pytest.raises(InvalidParameterError, match=f"Run {run_id}: .*{text}"):
        await send(backend, client(), 1, [(run_id, points)])


async def test_values_are_stored_as_mlflow_stores_them(backend: Backend) -> None:
    odd = [np.inf, -np.inf, np.nan, -0.0]
    logged = [("loss", step, 0, value) for step, value in enumerate(odd)]
    points = columns(logged)
    raw = Points(points.keys, points.key_index, points.steps, points.timestamps, np.array(odd))
    await send(backend, client(), 1, [(backend.run_ids[0], raw)])
    found = await backend.database.read(
        lambda c: backend.metrics.history(c, backend.run_ids[0], "loss")
    )
    assert found is not None
    assert rows(found) == [row(point) for point in logged]
    assert not np.signbit(found.values[3])
