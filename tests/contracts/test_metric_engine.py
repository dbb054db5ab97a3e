"""What every metric engine guarantees, against a model of MLflow's own tables."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st
from tests.contracts.conftest import Backend
from tests.contracts.metric_rows import (
    BATCHES,
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

from headwater.storage.metadata.base import Connection


def latest(connection: Connection, run_id: str) -> dict[str, tuple[int, int, float]]:
    found = connection.execute(
        "SELECT key, step, timestamp, value FROM latest_metrics WHERE run_uuid = ?", (run_id,)
    )
    return {key: (step, timestamp, value) for key, step, timestamp, value in found}


@given(batches=BATCHES)
@EXAMPLES
async def test_histories_and_latest_metrics_are_mlflows(
    backend: Backend, batches: list[tuple[int, list[tuple[str, int, int, float]]]]
) -> None:
    model: dict[tuple[str, str], set[Row]] = defaultdict(set)
    await backend.database.write(clear)
    for run, points in batches:
        run_id = backend.run_ids[run]
        for point in points:
            model[run_id, point[0]].add(row(point))
        await backend.database.write(
            lambda connection, run_id=run_id, points=points: (  # type: ignore[misc]
                backend.metrics.append(connection, run_id, columns(points))
            )
        )
    for run_id in backend.run_ids:
        stored = await backend.database.read(lambda c, run_id=run_id: latest(c, run_id))  # type: ignore[misc]
        for key in KEYS:
            series = await backend.database.read(
                lambda c, run_id=run_id, key=key: backend.metrics.history(c, run_id, key)  # type: ignore[misc]
            )
            expected = sorted(model[run_id, key])
            assert rows(series) == expected
            newest = max(((s, t, v) for t, s, v, _ in expected), default=None)
            assert stored.get(key) == newest


@given(old=st.sets(POINT.map(row), max_size=8), new=st.lists(POINT, min_size=1, max_size=8))
@EXAMPLES
async def test_mlflows_own_rows_and_blocks_read_as_one(
    backend: Backend, old: set[Row], new: list[tuple[str, int, int, float]]
) -> None:
    run_id = backend.run_ids[0]
    points = [("loss", *point[1:]) for point in new]
    await backend.database.write(clear)
    await backend.database.write(lambda c: insert_rows(c, run_id, "loss", old))
    await backend.database.write(lambda c: backend.metrics.append(c, run_id, columns(points)))
    series = await backend.database.read(lambda c: backend.metrics.history(c, run_id, "loss"))
    assert rows(series) == sorted(old | {row(point) for point in points})


@given(points=st.lists(POINT, min_size=1, max_size=10))
@EXAMPLES
async def test_points_logged_one_by_one_equal_a_batch(
    backend: Backend, points: list[tuple[str, int, int, float]]
) -> None:
    single, batch = backend.run_ids[:2]
    logged = columns(points)

    def log_both(connection: Connection) -> None:
        clear(connection)
        backend.metrics.append(connection, batch, logged)
        for at, (key, step, timestamp, _) in enumerate(points):
            value = float(logged.values[at])
            backend.metrics.append_point(connection, single, key, step, timestamp, value)

    await backend.database.write(log_both)
    for key in KEYS:
        found = await backend.database.read(
            lambda c, key=key: backend.metrics.histories(c, [single, batch], key)  # type: ignore[misc]
        )
        assert rows(found.get(single)) == rows(found.get(batch))
    assert backend.database.read_now(lambda c: latest(c, single) == latest(c, batch))


async def test_a_run_that_is_removed_takes_its_points_along(backend: Backend) -> None:
    run_id = backend.run_ids[0]

    def log_and_remove(connection: Connection) -> int:
        backend.metrics.append(connection, run_id, columns([("loss", 0, 0, 1.0)]))
        connection.execute("DELETE FROM latest_metrics WHERE run_uuid = ?", (run_id,))
        connection.execute("DELETE FROM runs WHERE run_uuid = ?", (run_id,))
        (left,) = connection.execute("SELECT count(*) FROM headwater_metric_blocks").fetchone()
        return int(left)

    assert await backend.database.write(log_and_remove) == 0


async def test_no_points_are_no_series(backend: Backend) -> None:
    assert backend.database.read_now(lambda c: backend.metrics.histories(c, ["x"], "loss")) == {}
