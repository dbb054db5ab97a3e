"""Migration changes where points are, and nothing of what is read."""

import asyncio
import itertools
import math
import tracemalloc
from collections import defaultdict
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contracts.conftest import Backend
from tests.contracts.metric_rows import (
    EXAMPLES,
    KEYS,
    POINT,
    Row,
    clear,
    columns,
    insert_rows,
    row,
    rows,
)
from tests.contracts.test_compaction import require_summary, stored, summary

from headwater.storage.metadata import runs
from headwater.storage.metadata.base import Connection, Operation
from headwater.storage.metrics import compact, compaction, migrate, mlflow_rows, series
from headwater.storage.metrics.check import check_run
from headwater.storage.metrics.compact import compact_run
from headwater.storage.metrics.export import export
from headwater.storage.metrics.latest import UPSERT
from headwater.storage.metrics.migrate import Migrated, migrate_run
from headwater.storage.metrics.pace import Pace
from headwater.storage.metrics.rewind import RewindPlan, apply_rewind, plan_rewind

Logged = list[tuple[str, int, int, float]]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["rows", "blocks"]),
        st.lists(POINT, min_size=1, max_size=10),
        st.sampled_from(["migrate", "compact", "nothing"]),
    ),
    min_size=1,
    max_size=6,
)
"""Who logs, what, and what follows."""

AT_ONCE = Pace(share=1.0)


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "LARGEST_CHUNK", 4)
    monkeypatch.setattr(compact, "_POINTS_A_STEP", 12)
    monkeypatch.setattr(migrate, "_ROWS_A_STEP", 7)
    monkeypatch.setattr(migrate, "_MOST_ROWS_A_DELETION", 3)
    monkeypatch.setattr(mlflow_rows, "_ROWS_A_FETCH", 2)


async def log(backend: Backend, run_id: str, points: Logged) -> None:
    await backend.database.write(lambda c: backend.metrics.append(c, run_id, columns(points)))


async def log_as_mlflow(backend: Backend, run_id: str, points: Logged) -> None:
    """Log points as plain MLflow does: rows, and none that is there already."""

    def insert(connection: Connection) -> None:
        for point in points:
            timestamp, step, value, nan = row(point)
            connection.execute(
                "INSERT INTO metrics (run_uuid, key, timestamp, step, value, is_nan)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (run_id, point[0], timestamp, step, value, nan),
            )
            connection.execute(UPSERT, (run_id, point[0], step, timestamp, value, nan))

    await backend.database.write(insert)


def rows_left(backend: Backend) -> int:
    return backend.database.read_now(mlflow_rows.count)


def problems(backend: Backend, run_id: str) -> list[str]:
    return backend.database.read_now(lambda c: [str(p) for p in check_run(c, run_id)])


@given(steps=STEPS)
@EXAMPLES
async def test_histories_and_summaries_are_those_of_the_points(
    backend: Backend, steps: list[tuple[str, Logged, str]]
) -> None:
    run_id = backend.run_ids[0]
    model: dict[str, set[Row]] = defaultdict(set)
    await backend.database.write(clear)
    for who, points, then in [*steps, ("rows", [("loss", 0, 0, 0.5)], "migrate")]:
        await (log if who == "blocks" else log_as_mlflow)(backend, run_id, points)
        for point in points:
            model[point[0]].add(row(point))
        if then == "compact":
            await compact_run(backend.database, run_id)
        if then == "migrate":
            waiting = rows_left(backend)
            assert await migrate_run(backend.database, run_id, AT_ONCE) == Migrated(1, waiting, 0)
        for key in KEYS:
            assert stored(backend, run_id, key) == sorted(model[key])
    assert rows_left(backend) == 0
    assert problems(backend, run_id) == []
    await compact_run(backend.database, run_id)
    for key in KEYS:
        if model[key]:
            found = summary(backend, run_id, key)
            assert found is not None
            require_summary(found, model[key])


@given(batches=st.lists(st.lists(POINT, min_size=1, max_size=8), min_size=1, max_size=4))
@EXAMPLES
async def test_several_that_migrate_a_run_while_it_grows_lose_and_double_nothing(
    backend: Backend, batches: list[Logged]
) -> None:
    run_id = backend.run_ids[0]
    await backend.database.write(clear)
    model: dict[str, set[Row]] = defaultdict(set)
    for points in batches:
        for point in points:
            model[point[0]].add(row(point))
    await asyncio.gather(
        *(log_as_mlflow(backend, run_id, points) for points in batches),
        *(migrate_run(backend.database, run_id, AT_ONCE) for _ in range(3)),
        *(log(backend, run_id, points) for points in batches[:2]),
        compact_run(backend.database, run_id),
    )
    await migrate_run(backend.database, run_id, AT_ONCE)
    assert rows_left(backend) == 0
    for key in KEYS:
        assert stored(backend, run_id, key) == sorted(model[key])
    assert problems(backend, run_id) == []


@given(points=st.lists(POINT, min_size=1, max_size=30))
@EXAMPLES
async def test_export_gives_back_the_very_rows(backend: Backend, points: Logged) -> None:
    run_id = backend.run_ids[0]
    await backend.database.write(clear)
    await log_as_mlflow(backend, run_id, points)
    before = all_rows(backend)
    await migrate_run(backend.database, run_id, AT_ONCE)
    assert all_rows(backend) == []
    await export(backend.database, keep=False, progress=lambda _: None)
    assert all_rows(backend) == before


def all_rows(backend: Backend) -> list[tuple[object, ...]]:
    statement = "SELECT run_uuid, key, step, timestamp, value, is_nan FROM metrics"
    return sorted(backend.database.read_now(lambda c: c.execute(statement).fetchall()))


async def test_a_row_goes_only_once_its_point_was_read_back(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever breaks between copying and deleting, the rows are there."""
    run_id = backend.run_ids[0]
    await log_as_mlflow(backend, run_id, [("loss", step, step, step / 7) for step in range(6)])
    monkeypatch.setattr(series, "store", lambda *_: None)  # a disk that forgets
    assert await migrate_run(backend.database, run_id, AT_ONCE) == Migrated(1, 0, left=6)
    assert rows_left(backend) == 6


@pytest.mark.parametrize("transaction", range(3))
async def test_points_that_are_rewound_meanwhile_do_not_come_back(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, transaction: int
) -> None:
    run_id = backend.run_ids[0]
    await log_as_mlflow(backend, run_id, [("loss", step, step, step / 7) for step in range(6)])
    write = backend.database.write
    writes = itertools.count()

    def rewind(connection: Connection, plan: RewindPlan) -> None:
        runs.lifecycle(connection, run_id)
        apply_rewind(connection, plan)

    async def write_after_a_rewind(operation: Operation[Any], *, long: bool = False) -> Any:
        if next(writes) == transaction:
            plan = await backend.database.read(lambda c: plan_rewind(c, run_id, None, 4))
            await write(lambda c: rewind(c, plan))
        return await write(operation, long=long)

    monkeypatch.setattr(backend.database, "write", write_after_a_rewind)
    await migrate_run(backend.database, run_id, AT_ONCE)
    assert next(writes) > transaction, "there was no such transaction"
    assert [step for _, step, *_ in stored(backend, run_id, "loss")] == [0, 1, 2, 3]
    assert rows_left(backend) == 0
    assert problems(backend, run_id) == []


async def test_a_damaged_chunk_keeps_the_rows_of_its_series_and_no_others(
    backend: Backend,
) -> None:
    run_id = backend.run_ids[0]
    await log(backend, run_id, [("loss", 0, 0, 0.1)])
    await compact_run(backend.database, run_id)
    await backend.database.write(
        lambda c: c.execute("UPDATE headwater_metric_chunks SET payload = ?", (b"\0\1\2\3\4",))
    )
    points = [(key, step, step, 0.1) for step in range(3) for key in ("acc", "loss")]
    await log_as_mlflow(backend, run_id, points)
    assert await migrate_run(backend.database, run_id, AT_ONCE) == Migrated(1, 3, left=3)
    assert len(stored(backend, run_id, "acc")) == 3


async def test_rows_that_no_engine_writes_are_kept_as_they_are_read(backend: Backend) -> None:
    """MLflow's check allows a value beside the NaN flag."""
    run_id = backend.run_ids[0]
    odd: set[Row] = {(0, 0, 5.0, True), (0, 0, 0.0, True), (2**62, -(2**62), math.inf, False)}
    await backend.database.write(lambda c: insert_rows(c, run_id, "loss", odd))
    before = rows(backend.database.read_now(lambda c: backend.metrics.history(c, run_id, "loss")))
    assert await migrate_run(backend.database, run_id, AT_ONCE) == Migrated(1, 3, 0)
    assert stored(backend, run_id, "loss") == before


async def test_runs_with_rows_are_found_one_after_the_other(backend: Backend) -> None:
    for run_id in backend.run_ids[::2]:
        await log_as_mlflow(backend, run_id, [("loss", 0, 0, 0.1)])
    found, after = [], ""
    while run := backend.database.read_now(lambda c, a=after: mlflow_rows.next_run(c, a)):  # type: ignore[misc]
        found.append(run)
        after = run
    assert found == list(backend.run_ids[::2])


def insert_steps(connection: Connection, run_id: str, steps: range) -> None:
    for step in steps:
        insert_rows(connection, run_id, "loss", {(1_000 + step, step, step / 7, False)})


async def test_memory_does_not_grow_with_the_run(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "LARGEST_CHUNK", 1_000)
    monkeypatch.setattr(migrate, "_ROWS_A_STEP", 500)
    monkeypatch.setattr(migrate, "_MOST_ROWS_A_DELETION", 100)
    peaks = []
    for run_id, points in zip(backend.run_ids, (1_500, 1_500, 6_000), strict=True):
        await backend.database.write(partial(insert_steps, run_id=run_id, steps=range(points)))
        tracemalloc.start()
        assert (await migrate_run(backend.database, run_id, AT_ONCE)).points == points
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.3 * peaks[1]
