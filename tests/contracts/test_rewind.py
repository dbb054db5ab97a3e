"""A rewound run is as if the points had never been logged: on every backend."""

from collections import defaultdict

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
from tests.contracts.test_check import problems
from tests.contracts.test_ingest import service_on
from tests.contracts.test_metric_engine import latest

from headwater.errors import InvalidParameterError, NotFoundError, StaleCompactionError
from headwater.storage.metrics import compaction
from headwater.storage.metrics.compact import compact_run
from headwater.storage.metrics.rewind import Rewound, apply_rewind, plan_rewind
from headwater.tracking.delete_metrics import delete_metrics
from headwater.tracking.rewind import rewind

Logged = list[tuple[str, int, int, float]]
POINTS = st.lists(POINT, min_size=1, max_size=15)


async def log(backend: Backend, points: Logged) -> None:
    run_id = backend.run_ids[0]
    await backend.database.write(lambda c: backend.metrics.append(c, run_id, columns(points)))


@given(
    compacted=st.lists(POINTS, max_size=2),
    late=st.lists(POINTS, max_size=2),
    old=st.sets(POINT.map(row), max_size=5),
    keys=st.none() | st.sets(st.sampled_from(KEYS), min_size=1),
    since=st.integers(-3, 3),
)
@EXAMPLES
async def test_points_from_a_step_on_are_gone_and_latest_metrics_follow(
    backend: Backend,
    compacted: list[Logged],
    late: list[Logged],
    old: set[Row],
    keys: set[str] | None,
    since: int,
) -> None:
    run_id = backend.run_ids[0]
    await backend.database.write(clear)
    model: dict[str, set[Row]] = defaultdict(set)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compaction, "LARGEST_CHUNK", 4)
        for points in compacted:
            await log(backend, points)
            await compact_run(backend.database, run_id)
    for points in late:
        await log(backend, points)
    for point in (point for points in (*compacted, *late) for point in points):
        model[point[0]].add(row(point))
    if model["loss"]:  # else MLflow would have written latest metrics
        newest = max((s, t, v) for t, s, v, _ in model["loss"])
        earlier = {r for r in old if (r[1], r[0], r[2]) <= newest}
        await backend.database.write(lambda c: insert_rows(c, run_id, "loss", earlier))
        model["loss"] |= earlier
    left = {
        key: {r for r in found if (keys is not None and key not in keys) or r[1] < since}
        for key, found in model.items()
    }
    changed = await rewind(
        service_on(backend), run_id, None if keys is None else sorted(keys), since
    )
    assert {metric.key for metric in changed} == {key for key in left if left[key] < model[key]}
    for metric in changed:
        assert metric.deleted >= len(model[metric.key]) - len(left[metric.key])
        assert metric.last_step == max((r[1] for r in left[metric.key]), default=None)
    told = await backend.database.read(lambda c: latest(c, run_id))
    for key in KEYS:
        found = await backend.database.read(
            lambda c, key=key: backend.metrics.history(c, run_id, key)  # type: ignore[misc]
        )
        expected = sorted(left.get(key, ()))
        assert rows(found) == expected
        assert told.get(key) == max(((s, t, v) for t, s, v, _ in expected), default=None)
    assert problems(backend) == []


@pytest.mark.parametrize("compacted", [False, True])
async def test_a_deleted_metric_leaves_nothing_behind(backend: Backend, compacted: bool) -> None:
    run_id = backend.run_ids[0]
    await log(backend, [("loss", step, step, 0.5) for step in range(5)] + [("acc", 0, 0, 1.0)])
    if compacted:
        await compact_run(backend.database, run_id)
    service = service_on(backend)
    assert await delete_metrics(service, run_id, ["loss", "none"]) == [Rewound("loss", 5, None)]
    assert await delete_metrics(service, run_id, ["loss"]) == []
    assert await backend.database.read(lambda c: latest(c, run_id)) == {"acc": (0, 0, 1.0)}
    counts = await backend.database.read(
        lambda c: [
            c.execute(f"SELECT count(*) FROM headwater_metric_{table}").fetchone()[0]
            for table in ("blocks", "series", "chunks")
        ]
    )
    assert counts == ([0, 1, 1] if compacted else [1, 0, 0])


@pytest.mark.parametrize("known", [False, True])
async def test_a_compaction_between_plan_and_rewind_voids_it(backend: Backend, known: bool) -> None:
    run_id = backend.run_ids[0]
    if known:
        await log(backend, [("loss", 0, 0, 0.5)])
        await compact_run(backend.database, run_id)
    await log(backend, [("loss", 7, 7, 0.5)])
    plan = await backend.database.read(lambda c: plan_rewind(c, run_id, None, 5))
    await compact_run(backend.database, run_id)
    with pytest.raises(StaleCompactionError):
        await backend.database.write(lambda c: apply_rewind(c, plan), long=True)
    changed = await rewind(service_on(backend), run_id, None, 5)
    assert changed == [Rewound("loss", 1, 0 if known else None)]


async def test_points_of_models_go_with_the_metric(backend: Backend) -> None:
    run_id = backend.run_ids[0]
    await log(backend, [("loss", step, step, 0.5) for step in range(3)])

    def attribute(connection: object) -> None:
        connection.execute(  # type: ignore[attr-defined]
            "INSERT INTO logged_models (model_id, experiment_id, name, artifact_location,"
            " creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage)"
            " VALUES ('m-1', 0, 'm', 'x', 0, 0, 2, 'active')"
        )
        connection.executemany(  # type: ignore[attr-defined]
            "INSERT INTO logged_model_metrics (model_id, metric_name, metric_timestamp_ms,"
            " metric_step, metric_value, experiment_id, run_id) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [("m-1", "loss", step, step, 0.5, 0, run_id) for step in range(3)],
        )

    await backend.database.write(attribute)
    await rewind(service_on(backend), run_id, None, 1)
    left = await backend.database.read(
        lambda c: c.execute("SELECT metric_step FROM logged_model_metrics").fetchall()
    )
    assert [step for (step,) in left] == [0]


async def test_runs_that_cannot_be_rewound_are_named(backend: Backend) -> None:
    service = service_on(backend)
    with pytest.raises(NotFoundError, match="f" * 32):
        await rewind(service, "f" * 32, None, 0)
    await backend.database.write(
        lambda c: c.execute(
            "UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = ?", (backend.run_ids[0],)
        )
    )
    with pytest.raises(InvalidParameterError, match="is deleted"):
        await rewind(service, backend.run_ids[0], None, 0)
