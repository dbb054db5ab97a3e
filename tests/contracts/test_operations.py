"""What frames bring beside points: stored once, as MLflow's verbs would; what cannot be is told."""

import asyncio
import uuid
from dataclasses import replace
from typing import Any

import pytest
from tests.contracts.conftest import Backend
from tests.contracts.metric_rows import columns
from tests.contracts.test_ingest import LOSS, client, service_on

from headwater.entities.run import Run
from headwater.storage.metadata.base import Connection
from headwater.tracking.create_experiment import create_experiment
from headwater.tracking.create_run import create_run
from headwater.tracking.delete_experiment import delete_experiment
from headwater.tracking.delete_run import delete_run
from headwater.tracking.get_run import get_run
from headwater.tracking.ingest import ingest, plan_ingest
from headwater.tracking.log_batch import log_batch
from headwater.tracking.update_run import update_run
from headwater.wire.create_run import decode_create_run
from headwater.wire.ingest import Ingested, decode_frame, encode_frame
from headwater.wire.log_batch import LogBatch
from headwater.wire.operations import (
    CreateRun,
    DeleteTag,
    LogModelMetrics,
    LogParams,
    ModelPoint,
    Operation,
    SetTags,
    UpdateRun,
)
from headwater.wire.update_run import UpdateRun as UpdateRunMessage


def new_id() -> str:
    return uuid.uuid4().hex


async def send(
    backend: Backend,
    *operations: Operation,
    batches: Any = (),
    to: tuple[str, int] | None = None,
) -> Ingested:
    """Send a frame, the first of a new client unless `to` (client, sequence)."""
    client_id, sequence = to or (client(), 1)
    body = encode_frame(client_id, sequence, list(batches), operations)
    return await ingest(service_on(backend), plan_ingest(decode_frame(body)))


async def load(backend: Backend, run_id: str) -> Run:
    return await get_run(service_on(backend), run_id)


def as_stored(run: Run) -> dict[str, Any]:
    info = run.info
    return {
        "info": (info.name, info.user_id, info.status, info.start_time, info.end_time),
        "uri": (info.artifact_uri or "").replace(info.run_id, "RUN"),
        "stage": info.lifecycle_stage,
        "metrics": [(m.key, m.value, m.timestamp, m.step) for m in run.metrics],
        "params": sorted((p.key, p.value) for p in run.params),
        "tags": sorted((t.key, t.value) for t in run.tags),
    }


async def test_a_frame_stores_what_the_verbs_would(backend: Backend) -> None:
    service = service_on(backend)
    body = b"""{"experiment_id": "0", "user_id": "ann", "run_name": "first", "start_time": 5,
        "tags": [{"key": "team", "value": "blue"}]}"""
    by_verbs = (await create_run(service, decode_create_run(body))).info.run_id
    items = [("lr", "0.1"), ("depth", "3")]
    await log_batch(
        service, LogBatch(by_verbs, columns(LOSS), [], items, [("note", "x"), ("gone", "y")])
    )
    await update_run(service, UpdateRunMessage(by_verbs, "FINISHED", 9, "last"))
    by_frame = new_id()
    result = await send(
        backend,
        CreateRun(
            run_id=by_frame,
            experiment_id="0",
            user_id="ann",
            run_name="first",
            start_time=5,
            tags={"team": "blue"},
        ),
        LogParams(by_frame, dict(items)),
        SetTags(by_frame, {"note": "x", "gone": "y", "once": "z"}),
        DeleteTag(by_frame, "once"),
        DeleteTag(by_frame, "never was"),
        UpdateRun(run_id=by_frame, status="FINISHED", end_time=9, run_name="last"),
        batches=[(by_frame, columns(LOSS))],
    )
    assert result == Ingested(1, False, 1, [])
    assert as_stored(await load(backend, by_frame)) == as_stored(await load(backend, by_verbs))


async def test_a_frame_that_is_sent_again_changes_nothing(backend: Backend) -> None:
    run_id, one = new_id(), client()
    frame = (CreateRun(run_id=run_id, experiment_id="0"), SetTags(run_id, {"a": "1"}))
    await send(backend, *frame, to=(one, 1))
    await send(backend, SetTags(run_id, {"a": "2"}), to=(one, 2))
    assert await send(backend, *frame, to=(one, 1)) == Ingested(2, True, 0, [])
    assert ("a", "2") in as_stored(await load(backend, run_id))["tags"]


async def test_a_run_that_exists_stays_as_it_is(backend: Backend) -> None:
    run_id = new_id()
    await send(backend, CreateRun(run_id=run_id, experiment_id="0", run_name="first"))
    result = await send(backend, CreateRun(run_id=run_id, experiment_id="0", run_name="second"))
    assert result.refused == []
    assert (await load(backend, run_id)).info.name == "first"


async def test_an_experiment_is_created_once_by_all_who_name_it(backend: Backend) -> None:
    name, run_ids = f"vision {new_id()}", [new_id() for _ in range(8)]
    results = await asyncio.gather(
        *(send(backend, CreateRun(run_id=run, experiment_name=name)) for run in run_ids)
    )
    assert [result.refused for result in results] == [[]] * 8
    found = {(await load(backend, run)).info.experiment_id for run in run_ids}
    assert len(found) == 1
    uri = (await load(backend, run_ids[0])).info.artifact_uri
    assert uri == f"mlflow-artifacts:/{found.pop()}/{run_ids[0]}/artifacts"


async def test_a_root_below_which_no_experiment_can_be_placed_refuses_its_runs_alone(
    backend: Backend,
) -> None:
    alive, nowhere = new_id(), new_id()
    body = encode_frame(
        client(),
        1,
        [(alive, columns(LOSS))],
        [
            CreateRun(run_id=alive, experiment_id="0"),
            CreateRun(run_id=nowhere, experiment_name=f"vision {new_id()}"),
        ],
    )
    service = replace(service_on(backend), artifact_root="s3://bucket/?x=y")
    result = await ingest(service, plan_ingest(decode_frame(body)))
    assert result.points == 1
    [refused] = result.refused
    assert (refused.run_id, refused.operation) == (nowhere, 1)
    assert "artifact root" in refused.message


async def test_a_changed_param_is_refused_alone(backend: Backend) -> None:
    run_id = new_id()
    await send(backend, CreateRun(run_id=run_id, experiment_id="0"), LogParams(run_id, {"lr": "1"}))
    result = await send(
        backend,
        LogParams(run_id, {"new": "kept out", "lr": "2"}),
        LogParams(run_id, {"lr": "1", "other": "3"}),
        batches=[(run_id, columns(LOSS))],
    )
    [refused] = result.refused
    assert (refused.run_id, refused.error_code) == (run_id, "INVALID_PARAMETER_VALUE")
    assert refused.operation == 0
    assert "Changing param values is not allowed" in refused.message
    assert "'old_value': '1', 'new_value': '2'" in refused.message
    stored = as_stored(await load(backend, run_id))
    assert stored["params"] == [("lr", "1"), ("other", "3")]
    assert result.points == 1


async def test_operations_on_runs_that_are_gone_are_told_and_the_rest_is_stored(
    backend: Backend,
) -> None:
    service = service_on(backend)
    deleted, missing, alive, nowhere = new_id(), new_id(), new_id(), new_id()
    await send(backend, *(CreateRun(run_id=run, experiment_id="0") for run in (deleted, alive)))
    await delete_run(service, deleted)
    gone = await create_experiment(service, f"gone {new_id()}", [])
    await delete_experiment(service, str(gone))
    result = await send(
        backend,
        SetTags(deleted, {"a": "b"}),
        SetTags(missing, {"a": "b"}),
        SetTags(alive, {"a": "b"}),
        SetTags(alive, {"../x": "b"}),
        CreateRun(run_id=nowhere, experiment_id=str(gone)),
        CreateRun(run_id=nowhere, experiment_id="123456"),
    )
    told = {refused.operation: refused for refused in result.refused}
    assert set(told) == {0, 1, 3, 4, 5}
    assert "restore it" in told[0].message
    assert told[1].error_code == "RESOURCE_DOES_NOT_EXIST"
    assert told[1].message == f"Run with id={missing} not found"
    assert "'../x'" in told[3].message
    assert "is deleted" in told[4].message
    assert told[5].message == "No Experiment with id=123456 exists"
    assert ("a", "b") in as_stored(await load(backend, alive))["tags"]


async def test_long_texts_are_cut_off_as_mlflow_does(backend: Backend) -> None:
    run_id = new_id()
    result = await send(
        backend,
        CreateRun(run_id=run_id, experiment_id="0"),
        LogParams(run_id, {"p": "x" * 7_000}),
        SetTags(run_id, {"t": "y" * 9_000}),
    )
    assert result.refused == []
    stored = as_stored(await load(backend, run_id))
    assert stored["params"] == [("p", "x" * 6_000)]
    assert ("t", "y" * 8_000) in stored["tags"]


async def test_points_of_logged_models_are_points_of_the_run_too(backend: Backend) -> None:
    run_id, model = new_id(), f"m-{new_id()}"

    def insert_model(connection: Connection) -> None:
        connection.execute(
            "INSERT INTO logged_models (model_id, experiment_id, name, artifact_location,"
            " creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage)"
            " VALUES (?, 0, 'm', 'a:/', 1, 1, 2, 'active')",
            (model,),
        )

    await backend.database.write(insert_model)
    result = await send(
        backend,
        CreateRun(run_id=run_id, experiment_id="0"),
        LogModelMetrics(run_id, [ModelPoint("acc", "NaN", 5, 1, model)]),
        LogModelMetrics(run_id, [ModelPoint("acc", 0.5, 6, 2, model, "d", "digest")] * 2),
        LogModelMetrics(run_id, [ModelPoint("acc", 0.5, 6, 2, "m-none")]),
    )
    [refused] = result.refused
    assert (refused.operation, refused.message) == (3, "Logged model with ID 'm-none' not found")
    assert as_stored(await load(backend, run_id))["metrics"] == [("acc", 0.5, 6, 2)]

    def attributed(connection: Connection) -> Any:
        return connection.execute(
            "SELECT metric_name, metric_value, metric_step, dataset_name FROM logged_model_metrics"
            " WHERE model_id = ? ORDER BY metric_step",
            (model,),
        ).fetchall()

    found = await backend.database.read(attributed)
    assert [tuple(row) for row in found] == [("acc", 0.0, 1, None), ("acc", 0.5, 2, "d")]


@pytest.mark.slow
async def test_frames_that_cross_do_not_wait_for_each_other_for_ever(backend: Backend) -> None:
    """Each brings operations of one run and points of another, in all orders."""
    first, second = sorted((new_id(), new_id()))
    await send(backend, *(CreateRun(run_id=run, experiment_id="0") for run in (first, second)))
    async with asyncio.timeout(60):
        for number in range(20):
            tags = {"n": str(number)}
            await asyncio.gather(
                send(backend, SetTags(second, tags), batches=[(first, columns(LOSS))]),
                send(backend, SetTags(first, tags), batches=[(second, columns(LOSS))]),
            )
    assert ("n", "19") in as_stored(await load(backend, first))["tags"]
