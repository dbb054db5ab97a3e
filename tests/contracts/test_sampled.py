"""Samples of several runs, as MLflow's UI asks for them."""

from tests.contracts.conftest import Backend
from tests.contracts.metric_rows import columns

from headwater.entities.metric import Series
from headwater.storage.metrics.compact import compact_run
from headwater.tracking.get_metric_history_bulk_interval import sampled


async def log(backend: Backend, run_id: str, values: list[float]) -> None:
    points = [("loss", step, step, value) for step, value in enumerate(values)]
    await backend.database.write(lambda c: backend.metrics.append(c, run_id, columns(points)))


def sample(
    backend: Backend,
    run_ids: list[str],
    most: int,
    steps: tuple[int, int] | None = None,
    rows: bool = True,
) -> list[tuple[str, Series]]:
    return backend.database.read_now(
        lambda c: sampled(backend.metrics, c, run_ids, "loss", most, steps, rows=rows)
    )


async def test_runs_come_as_asked_for_and_keep_their_spikes(backend: Backend) -> None:
    first, second, third = backend.run_ids
    await log(backend, first, [float(step == 617) - float(step == 618) for step in range(1_000)])
    await compact_run(backend.database, first)
    await log(backend, second, [0.5, 0.25])
    for rows in (True, False):
        (one, long), (two, short) = sample(backend, [first, third, second], 10, rows=rows)
        assert (one, two) == (first, second)
        assert {0, 617, 618, 999} <= set(long.steps.tolist())
        assert len(long) <= 12
        assert short.steps.tolist() == [0, 1]


async def test_an_interval_is_closed(backend: Backend) -> None:
    await log(backend, backend.run_ids[0], [float(step) for step in range(100)])
    for rows in (True, False):
        ((_, found),) = sample(backend, [backend.run_ids[0]], 50, (10, 12), rows)
        assert found.steps.tolist() == [10, 11, 12]


async def test_of_a_run_that_is_asked_for_twice_the_points_come_twice(backend: Backend) -> None:
    await log(backend, backend.run_ids[0], [1.0, 2.0])
    found = sample(backend, [backend.run_ids[0]] * 2, 50)
    assert [(run_id, len(points)) for run_id, points in found] == [(backend.run_ids[0], 2)] * 2
