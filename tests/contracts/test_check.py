"""`check` finds nothing where nothing is wrong, and each thing that is; repairs hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contracts.conftest import Backend
from tests.contracts.metric_rows import EXAMPLES, POINT, clear, columns, insert_rows, row

from headwater.storage.metadata.base import Connection
from headwater.storage.metrics import compaction, envelope, series
from headwater.storage.metrics.check import Problem, check_run, runs_with_points
from headwater.storage.metrics.compact import compact_run

POINTS = st.lists(POINT, min_size=1, max_size=12)


def problems(backend: Backend) -> list[Problem]:
    return backend.database.read_now(
        lambda c: [p for run_id in runs_with_points(c) for p in check_run(c, run_id)]
    )


async def log(backend: Backend, points: list[tuple[str, int, int, float]]) -> None:
    run_id = backend.run_ids[0]
    await backend.database.write(lambda c: backend.metrics.append(c, run_id, columns(points)))


async def damage(backend: Backend, statement: str, *parameters: bytes) -> None:
    await backend.database.write(lambda c: c.execute(statement, parameters))


async def repair(backend: Backend) -> None:
    def put_right(connection: Connection) -> None:
        for problem in problems(backend):
            assert problem.repair is not None
            assert connection.execute(*problem.repair).rowcount == 1

    await backend.database.write(put_right)


@given(compacted=POINTS, late=POINTS, old=st.sets(POINT.map(row), max_size=5))
@EXAMPLES
async def test_what_was_logged_and_compacted_is_in_order(
    backend: Backend,
    compacted: list[tuple[str, int, int, float]],
    late: list[tuple[str, int, int, float]],
    old: set[tuple[int, int, float, bool]],
) -> None:
    await backend.database.write(clear)
    await backend.database.write(lambda c: insert_rows(c, backend.run_ids[0], "old", old))
    if old:
        newest = max(old, key=lambda r: (r[1], r[0], r[2]))
        await backend.database.write(
            lambda c: c.execute(
                "INSERT INTO latest_metrics (run_uuid, key, timestamp, step, value, is_nan)"
                " VALUES (?, 'old', ?, ?, ?, ?)",
                (backend.run_ids[0], *newest),
            )
        )
    for points in (compacted, late):
        await log(backend, points)
        await compact_run(backend.database, backend.run_ids[0])
    await log(backend, compacted)
    assert problems(backend) == []


@pytest.fixture
async def _compacted(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "LARGEST_CHUNK", 4)
    monkeypatch.setattr(envelope, "WORTHWHILE_POINTS", 3)
    await log(backend, [("loss", step, step, step / 7) for step in range(10)])
    await compact_run(backend.database, backend.run_ids[0])


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("UPDATE headwater_metric_series SET points = 11", "does not agree"),
        ("UPDATE headwater_metric_series SET total = 0", "does not agree"),
        ("UPDATE headwater_metric_series SET maximum_step = 3", "does not agree"),
        (
            "UPDATE headwater_metric_chunks SET minimum_value = 9 WHERE chunk_id = 2",
            "does not tell what it holds",
        ),
        ("DELETE FROM headwater_metric_envelopes WHERE chunk_id = 2", "has no envelope"),
        (
            "UPDATE headwater_metric_envelopes SET payload = (SELECT payload"
            " FROM headwater_metric_envelopes WHERE chunk_id = 1) WHERE chunk_id = 2",
            "its envelope does not tell",
        ),
        ("UPDATE latest_metrics SET step = 3", "lack the latest point"),
        ("DELETE FROM latest_metrics", "lack the latest point"),
        ("DELETE FROM headwater_metric_chunks", "a summary without points"),
    ],
)
@pytest.mark.usefixtures("_compacted")
async def test_what_is_derived_is_repaired(backend: Backend, statement: str, text: str) -> None:
    before = backend.database.read_now(lambda c: series.find(c, backend.run_ids[0], "loss"))
    await damage(backend, statement)
    found = problems(backend)
    assert [(p.run_id, p.key) for p in found] == [(backend.run_ids[0], "loss")]
    assert text in found[0].text
    await repair(backend)
    after = backend.database.read_now(lambda c: series.find(c, backend.run_ids[0], "loss"))
    if "chunks" not in statement or "UPDATE" in statement:
        assert problems(backend) == []
        assert before is not None
        assert after is not None
        assert series.exact(after.summary) == series.exact(before.summary)
        assert np.isclose(after.summary.total, before.summary.total)
    else:
        assert after is None


@pytest.mark.usefixtures("_compacted")
async def test_damaged_bytes_are_named_and_left_alone(backend: Backend) -> None:
    await log(backend, [("acc", 0, 0, 0.5)])
    await damage(backend, "UPDATE headwater_metric_blocks SET payload = ?", b"\0")
    statement = "UPDATE headwater_metric_chunks SET payload = ? WHERE chunk_id = 2"
    await damage(backend, statement, b"\x00\x11\x22\x33\x44")
    found = problems(backend)
    assert [(p.key, p.repair) for p in found] == [(None, None), ("loss", None)]
    assert found[0].text.startswith("block ")
    assert found[1].text.startswith("chunk 2: ")


@pytest.mark.usefixtures("_compacted")
async def test_a_latest_value_without_its_point_is_told(backend: Backend) -> None:
    await damage(backend, "UPDATE latest_metrics SET step = 99")
    (found,) = problems(backend)
    assert "hold a point that is not there" in found.text
    assert found.repair is None
