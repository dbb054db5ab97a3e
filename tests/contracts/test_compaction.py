"""Compaction changes where points are, and nothing of what is read."""

import asyncio
import math
from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contracts.conftest import Backend
from tests.contracts.metric_rows import EXAMPLES, KEYS, POINT, Row, clear, columns, row, rows

from headwater.entities.metric import LARGEST
from headwater.errors import CorruptBlockError
from headwater.storage.metadata.base import Connection
from headwater.storage.metrics import compact, compaction, series
from headwater.storage.metrics.compact import Compacted, Waiting, compact_run
from headwater.storage.metrics.summary import Summary

STEPS = st.lists(
    st.tuples(st.lists(POINT, min_size=1, max_size=10), st.booleans()), min_size=1, max_size=6
)
"""Requests, and whether a compaction follows."""


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "LARGEST_CHUNK", 4)
    monkeypatch.setattr(compact, "_POINTS_A_STEP", 12)
    monkeypatch.setattr(compact, "_KEYS_A_STEP", 2)


async def log(backend: Backend, run_id: str, points: list[tuple[str, int, int, float]]) -> None:
    await backend.database.write(lambda c: backend.metrics.append(c, run_id, columns(points)))


def stored(backend: Backend, run_id: str, key: str) -> list[Row]:
    return rows(backend.database.read_now(lambda c: backend.metrics.history(c, run_id, key)))


def summary(backend: Backend, run_id: str, key: str) -> Summary | None:
    found = backend.database.read_now(lambda c: series.find(c, run_id, key))
    return None if found is None else found.summary


def require_summary(found: Summary, expected: set[Row]) -> None:
    numbers = sorted((value, step, time) for time, step, value, nan in expected if not nan)
    finite = [value for value, _, _ in numbers if abs(value) != LARGEST]
    ordered = sorted((step, time, value, nan) for time, step, value, nan in expected)
    assert found.points == len(expected)
    assert found.nans == len(expected) - len(numbers)
    assert found.infinities == len(numbers) - len(finite)
    assert found.total == pytest.approx(math.fsum(finite))
    assert found.first.order() == ordered[0]
    assert found.last.order() == ordered[-1]
    if not numbers:
        assert found.minimum is None
        assert found.maximum is None
        return
    assert found.minimum is not None
    assert found.maximum is not None
    least, greatest = numbers[0], min(numbers, key=lambda n: (-n[0], *n[1:]))
    assert (found.minimum.value, found.minimum.step, found.minimum.timestamp) == least
    assert (found.maximum.value, found.maximum.step, found.maximum.timestamp) == greatest


def chunk_bounds(connection: Connection) -> list[tuple[int, tuple[int, int], tuple[int, int], int]]:
    found = connection.execute(
        "SELECT series_id, first_timestamp, first_step, last_timestamp, last_step, points"
        " FROM headwater_metric_chunks ORDER BY series_id, first_timestamp, first_step"
    )
    return [(i, (ft, fs), (lt, ls), points) for i, ft, fs, lt, ls, points in found]


@given(steps=STEPS)
@EXAMPLES
async def test_histories_and_summaries_are_those_of_the_points(
    backend: Backend, steps: list[tuple[list[tuple[str, int, int, float]], bool]]
) -> None:
    run_id = backend.run_ids[0]
    model: dict[str, set[Row]] = defaultdict(set)
    await backend.database.write(clear)
    for points, then_compact in [*steps, ([("loss", 0, 0, 0.5)], True)]:
        await log(backend, run_id, points)
        for point in points:
            model[point[0]].add(row(point))
        if then_compact:
            await compact_run(backend.database, run_id)
        for key in KEYS:
            assert stored(backend, run_id, key) == sorted(model[key])
    for key in KEYS:
        found = summary(backend, run_id, key)
        if model[key]:
            assert found is not None
            require_summary(found, model[key])
        else:
            assert found is None
    bounds = backend.database.read_now(chunk_bounds)
    for (one, _, last, _), (other, first, _, _) in pairwise(bounds):
        assert one != other or last < first
    assert backend.database.read_now(compact.waiting) == []


@given(batches=st.lists(st.lists(POINT, min_size=1, max_size=6), min_size=1, max_size=5))
@EXAMPLES
async def test_several_that_compact_one_run_at_once_lose_and_double_nothing(
    backend: Backend, batches: list[list[tuple[str, int, int, float]]]
) -> None:
    run_id = backend.run_ids[0]
    await backend.database.write(clear)
    expected = defaultdict(set)
    for points in batches:
        for point in points:
            expected[point[0]].add(row(point))
    working = [log(backend, run_id, points) for points in batches]
    await asyncio.gather(*working, *(compact_run(backend.database, run_id) for _ in range(3)))
    await compact_run(backend.database, run_id)
    for key in KEYS:
        assert stored(backend, run_id, key) == sorted(expected[key])
        if (found := summary(backend, run_id, key)) is not None:
            require_summary(found, expected[key])


async def test_a_series_that_grows_point_by_point_keeps_few_chunks(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "LARGEST_CHUNK", 64)
    for step in range(200):
        await log(backend, backend.run_ids[0], [("loss", step, step, 0.1)])
        await compact_run(backend.database, backend.run_ids[0])
    sizes = [points for *_, points in backend.database.read_now(chunk_bounds)]
    assert sum(sizes) == 200
    assert len(sizes) < 200 / 64 + 8


async def test_points_before_and_between_chunks_go_where_they_belong(backend: Backend) -> None:
    run_id = backend.run_ids[0]
    for times in (range(0, 40, 4), range(60, 100, 4), [41, 50, 3, 1, 97, 200]):
        await log(backend, run_id, [("loss", time, time, 0.1) for time in times])
        await compact_run(backend.database, run_id)
    times = [row[0] for row in stored(backend, run_id, "loss")]
    assert times == sorted([*range(0, 40, 4), *range(60, 100, 4), 41, 50, 3, 1, 97, 200])


async def test_a_damaged_block_stays_and_the_others_are_compacted(backend: Backend) -> None:
    run_id = backend.run_ids[0]
    for step in range(3):
        await log(backend, run_id, [(f"key{step}", step, step, 0.1)])
    await backend.database.write(
        lambda c: c.execute(
            "UPDATE headwater_metric_blocks SET payload = ? WHERE block_id = 2", (b"\0",)
        )
    )
    assert await compact_run(backend.database, run_id) == Compacted(2, 2, left_blocks=1)
    assert stored(backend, run_id, "key0")
    assert stored(backend, run_id, "key2")
    assert backend.database.read_now(compact.waiting) == [Waiting(run_id, 1, 1)]


async def test_a_damaged_chunk_is_named_and_only_its_series_is_unreadable(
    backend: Backend,
) -> None:
    run_id = backend.run_ids[0]
    await log(backend, run_id, [("loss", 0, 0, 0.1)])
    await compact_run(backend.database, run_id)
    await log(backend, run_id, [("acc", 0, 0, 0.1)])
    await compact_run(backend.database, run_id)
    await backend.database.write(
        lambda c: c.execute(
            "UPDATE headwater_metric_chunks SET payload = ? WHERE chunk_id = 1", (b"\0\1\2\3\4",)
        )
    )
    assert stored(backend, run_id, "acc")
    with pytest.raises(CorruptBlockError, match=rf"run {run_id}, metric 'loss'"):
        stored(backend, run_id, "loss")
    await log(backend, run_id, [("loss", 1, 0, 0.1)])
    assert (await compact_run(backend.database, run_id)).left_blocks == 1
    assert backend.database.read_now(compact.waiting) == [Waiting(run_id, 1, 1)]


async def test_a_run_that_is_removed_takes_its_chunks_along(backend: Backend) -> None:
    run_id = backend.run_ids[0]
    await log(backend, run_id, [("loss", 0, 0, 0.1)])
    await compact_run(backend.database, run_id)

    def remove(connection: Connection) -> None:
        connection.execute("DELETE FROM latest_metrics WHERE run_uuid = ?", (run_id,))
        connection.execute("DELETE FROM runs WHERE run_uuid = ?", (run_id,))

    await backend.database.write(remove)
    assert backend.database.read_now(chunk_bounds) == []
    assert summary(backend, run_id, "loss") is None
