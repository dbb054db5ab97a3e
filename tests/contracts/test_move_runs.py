"""Runs move to another experiment whole, together or not at all: on every backend."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.contracts.conftest import Backend
from tests.contracts.organised import (
    FOLLOWING,
    SUMS_TRACES,
    add_dataset,
    add_everything,
    add_run,
    add_trace,
    experiments_of,
    insert,
)
from tests.contracts.test_ingest import service_on

from headwater.errors import InvalidParameterError, NotFoundError
from headwater.storage.metadata.base import Connection
from headwater.tracking.create_experiment import create_experiment
from headwater.tracking.delete_experiment import delete_experiment
from headwater.tracking.delete_run import delete_run
from headwater.tracking.log_batch import log_batch
from headwater.tracking.move_runs import MovedRuns, move_runs
from headwater.wire.log_batch import decode_log_batch

PARENT, CHILD, GRANDCHILD, OTHER = (letter * 32 for letter in "1234")


@pytest.fixture
def backend(swept_backend: Backend) -> Backend:
    return swept_backend


@pytest.fixture
async def target(backend: Backend) -> int:
    """An experiment beside 0, which has two runs, one with a child that has one."""

    def add(connection: Connection) -> None:
        add_run(connection, PARENT, 0)
        add_run(connection, CHILD, 0, parent=PARENT)
        add_run(connection, GRANDCHILD, 0, parent=CHILD)
        add_run(connection, OTHER, 0)

    await backend.database.write(add)
    return await create_experiment(service_on(backend), "target", [])


async def move(
    backend: Backend, run_ids: Sequence[str], target: int, children: bool = True
) -> MovedRuns:
    return await move_runs(service_on(backend), run_ids, str(target), children=children)


def everywhere(experiment_id: int) -> dict[str, set[int]]:
    return {table: {experiment_id} for table in (*FOLLOWING, "datasets")}


async def places(backend: Backend) -> Mapping[str, int]:
    found: Mapping[str, int] = await backend.database.read(
        lambda c: dict(c.execute("SELECT run_uuid, experiment_id FROM runs").fetchall())
    )
    return {run_id: found[run_id] for run_id in (PARENT, CHILD, GRANDCHILD, OTHER)}


async def select(backend: Backend, statement: str, *parameters: Any) -> list[Any]:
    return await backend.database.read(lambda c: c.execute(statement, parameters).fetchall())


async def test_the_runs_below_go_along(backend: Backend, target: int) -> None:
    done = await move(backend, [PARENT], target)
    assert done.moved == [(PARENT, 0), (CHILD, 0), (GRANDCHILD, 0)]
    assert await places(backend) == {PARENT: target, CHILD: target, GRANDCHILD: target, OTHER: 0}


async def test_they_stay_where_that_is_asked_for(backend: Backend, target: int) -> None:
    done = await move(backend, [OTHER, PARENT, OTHER], target, children=False)
    assert done.moved == [(OTHER, 0), (PARENT, 0)]
    assert await places(backend) == {PARENT: target, CHILD: 0, GRANDCHILD: 0, OTHER: target}


async def test_a_child_of_another_experiment_stays_there(backend: Backend, target: int) -> None:
    await move(backend, [CHILD], target)
    third = await create_experiment(service_on(backend), "third", [])
    await move(backend, [PARENT], third)
    assert await places(backend) == {PARENT: third, CHILD: target, GRANDCHILD: target, OTHER: 0}


async def test_runs_that_are_there_already_stay_as_they_are(backend: Backend, target: int) -> None:
    await move(backend, [OTHER], target)
    done = await move(backend, [OTHER, PARENT], target)
    assert (done.unchanged, len(done.moved)) == ([OTHER], 3)
    assert await move(backend, [OTHER], target) == MovedRuns(target, [], [OTHER], 0, 0)


async def test_runs_nested_in_a_circle_move_once(backend: Backend, target: int) -> None:
    await backend.database.write(
        lambda c: insert(c, "tags", key="mlflow.parentRunId", value=GRANDCHILD, run_uuid=PARENT)
    )
    done = await move(backend, [CHILD], target)
    assert sorted(done.moved) == [(PARENT, 0), (CHILD, 0), (GRANDCHILD, 0)]


async def test_everything_that_names_the_experiment_follows(backend: Backend, target: int) -> None:
    def add(connection: Connection) -> None:
        for run_id in (PARENT, OTHER):
            add_everything(connection, run_id, 0)

    await backend.database.write(add)
    done = await move(backend, [PARENT], target)
    assert (done.models, done.traces) == (1, 1)
    moved = await backend.database.read(lambda c: experiments_of(c, PARENT))
    assert moved == everywhere(target)
    stayed = await backend.database.read(lambda c: experiments_of(c, OTHER))
    assert stayed == everywhere(0)


async def test_artifacts_stay_where_they_are(backend: Backend, target: int) -> None:
    await backend.database.write(lambda c: add_everything(c, PARENT, 0))
    await move(backend, [PARENT], target)
    assert await select(backend, "SELECT artifact_uri FROM runs WHERE run_uuid = ?", PARENT) == [
        (f"mlflow-artifacts:/0/{PARENT}/artifacts",)
    ]
    assert await select(backend, "SELECT artifact_location FROM logged_models") == [
        ("mlflow-artifacts:/models",)
    ]


async def test_a_dataset_that_the_target_knows_is_not_made_twice(
    backend: Backend, target: int
) -> None:
    def add(connection: Connection) -> None:
        add_run(connection, "5" * 32, target)
        add_dataset(connection, "5" * 32, target)
        add_dataset(connection, PARENT, 0)
        add_dataset(connection, CHILD, 0)

    await backend.database.write(add)
    await move(backend, [PARENT], target)
    assert await select(
        backend, "SELECT DISTINCT source_id FROM inputs WHERE destination_type = 'RUN'"
    ) == [(f"d-{target}",)]
    assert await select(backend, "SELECT input_uuid FROM inputs ORDER BY input_uuid") == [
        (f"i-{run_id}",) for run_id in (PARENT, CHILD, "5" * 32)
    ]


async def test_models_and_traces_of_another_experiment_stay_there(
    backend: Backend, target: int
) -> None:
    third = await create_experiment(service_on(backend), "third", [])
    await backend.database.write(lambda c: add_trace(c, "elsewhere", PARENT, third))
    assert (await move(backend, [PARENT], target)).traces == 0
    assert await select(backend, "SELECT experiment_id FROM trace_info") == [(third,)]


@pytest.mark.skipif(not SUMS_TRACES, reason="this MLflow has no sums of traces")
async def test_sums_of_traces_are_built_anew(backend: Backend, target: int) -> None:
    sums = {"metric_name": "trace_count", "grouping_set": "global", "sample_count": 1}

    def add(connection: Connection) -> None:
        add_everything(connection, PARENT, 0)
        for number, experiment_id in enumerate((0, target, target + 1)):
            insert(
                connection,
                "sql_trace_metric_daily_rollups",
                id=number,
                experiment_id=experiment_id,
                rollup_day="2026-11-25",
                **sums,
            )

    await backend.database.write(add)
    await move(backend, [PARENT], target)
    await move(backend, [PARENT], 0)
    assert await select(
        backend,
        "SELECT experiment_id, rollup_family FROM sql_trace_rollup_rebuild_queue ORDER BY 1",
    ) == [(0, "trace_metric"), (target, "trace_metric")]


async def test_deleted_children_go_along_and_stay_deleted(backend: Backend, target: int) -> None:
    await delete_run(service_on(backend), CHILD)
    await move(backend, [PARENT], target)
    assert await select(
        backend, "SELECT lifecycle_stage, experiment_id FROM runs WHERE run_uuid = ?", CHILD
    ) == [("deleted", target)]


async def test_one_run_that_cannot_be_moved_keeps_all_of_them(
    backend: Backend, target: int
) -> None:
    before = await places(backend)
    with pytest.raises(NotFoundError, match="f" * 32):
        await move(backend, [PARENT, "f" * 32], target)
    with pytest.raises(NotFoundError, match="id=999999"):
        await move(backend, [PARENT], 999_999)
    with pytest.raises(InvalidParameterError, match="run id"):
        await move(backend, [PARENT, "../.."], target)
    with pytest.raises(InvalidParameterError, match="experiment id"):
        await move_runs(service_on(backend), [PARENT], "default", children=True)
    await delete_run(service_on(backend), OTHER)
    with pytest.raises(InvalidParameterError, match=f"{OTHER}; restore"):
        await move(backend, [PARENT, OTHER], target)
    await delete_experiment(service_on(backend), str(target))
    with pytest.raises(InvalidParameterError, match="is deleted; restore it"):
        await move(backend, [PARENT], target)
    assert await places(backend) == before


async def test_two_movers_leave_each_run_whole(backend: Backend, target: int) -> None:
    await backend.database.write(lambda c: add_everything(c, PARENT, 0))
    third = await create_experiment(service_on(backend), "third", [])
    await asyncio.gather(
        *(move(backend, [OTHER, PARENT], to) for to in (target, third, 0, target, third))
    )
    (place,) = {(await places(backend))[run_id] for run_id in (PARENT, CHILD, GRANDCHILD, OTHER)}
    found = await backend.database.read(lambda c: experiments_of(c, PARENT))
    assert found == everywhere(place)


async def test_points_logged_meanwhile_are_kept(backend: Backend, target: int) -> None:
    service = service_on(backend)

    def batch(step: int) -> bytes:
        return (
            f'{{"run_id": "{PARENT}", "metrics": '
            f'[{{"key": "loss", "value": 1.5, "timestamp": 1, "step": {step}}}]}}'
        ).encode()

    async def log() -> None:
        for step in range(40):
            await log_batch(service, decode_log_batch(batch(step)))

    async def move_to_and_fro() -> None:
        for to in (target, 0) * 5:
            await move(backend, [PARENT], to)

    await asyncio.gather(log(), move_to_and_fro())
    found = await backend.database.read(lambda c: backend.metrics.histories(c, [PARENT], "loss"))
    assert sorted(found[PARENT].steps.tolist()) == list(range(40))
    assert (await places(backend))[PARENT] == 0


async def test_a_metric_of_a_model_names_the_runs_experiment_whatever_comes_first(
    backend: Backend, target: int
) -> None:
    await backend.database.write(lambda c: add_everything(c, PARENT, 0))
    service = service_on(backend)

    async def log(step: int) -> None:
        body = (
            f'{{"run_id": "{PARENT}", "metrics": [{{"key": "loss", "value": 1.0, "timestamp": 2,'
            f' "step": {step}, "model_id": "m-{PARENT}"}}]}}'
        )
        await log_batch(service, decode_log_batch(body.encode()))

    await asyncio.gather(*(log(step) for step in range(10)), move(backend, [PARENT], target))
    assert await select(backend, "SELECT DISTINCT experiment_id FROM logged_model_metrics") == [
        (target,)
    ]


async def test_many_runs_move_in_one_request(backend: Backend, target: int) -> None:
    many = [f"{number:032x}" for number in range(1_200)]

    def add(connection: Connection) -> None:
        for run_id in many:
            add_run(connection, run_id, 0)

    await backend.database.write(add)
    done = await move(backend, many, target)
    assert [run_id for run_id, _ in done.moved] == many
    assert len(await select(backend, "SELECT 1 FROM runs WHERE experiment_id = ?", target)) == 1_200
