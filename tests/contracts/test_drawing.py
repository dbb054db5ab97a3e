"""Charts of what an engine stores: of chunks, of blocks, of MLflow's rows, and of all together."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contracts.conftest import Backend
from tests.contracts.metric_rows import EXAMPLES, Row, clear, columns, insert_rows
from tests.drawings import check, in_range, rows

from headwater.entities.drawing import Axis, Cut, Drawing
from headwater.storage.metadata.base import Connection
from headwater.storage.metrics import compaction, drawing, envelope
from headwater.storage.metrics.compact import compact_run

VALUES = st.sampled_from([0.0, 1.5, -1.5, float("nan"), float("inf"), 7.0, -7.0])
POINT = st.tuples(st.just("loss"), st.integers(0, 12), st.integers(0, 20), VALUES)
POINTS = st.lists(POINT, min_size=1, max_size=30)
ROW = st.tuples(st.integers(0, 20), st.integers(0, 12), st.sampled_from([1.5, 9.0]), st.just(False))
AXES: tuple[Axis, ...] = ("step", "time", "row")


@pytest.fixture
def _short_pieces() -> Iterator[None]:
    """Let chunks of a few points be read as long ones are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compaction, "LARGEST_CHUNK", 6)
        patch.setattr(envelope, "PIECE", 2)
        patch.setattr(envelope, "WORTHWHILE_POINTS", 3)
        patch.setattr(drawing, "READ_WHOLE", 0)
        yield


def drawn(backend: Backend, cut: Cut) -> Drawing | None:
    run_id = backend.run_ids[0]
    return backend.database.read_now(lambda c: backend.metrics.drawn(c, run_id, "loss", cut))


@given(
    compacted=POINTS,
    late=st.lists(POINT, max_size=8),
    old=st.sets(ROW, max_size=5),
    axis=st.sampled_from(AXES),
    ends=st.tuples(st.none() | st.integers(-1, 20), st.none() | st.integers(-1, 20)),
    most=st.integers(1, 20),
)
@EXAMPLES
@pytest.mark.usefixtures("_short_pieces")
async def test_a_chart_keeps_its_promises_wherever_the_points_are(
    backend: Backend,
    compacted: list[tuple[str, int, int, float]],
    late: list[tuple[str, int, int, float]],
    old: set[Row],
    axis: Axis,
    ends: tuple[int | None, int | None],
    most: int,
) -> None:
    run_id = backend.run_ids[0]
    await backend.database.write(clear)
    await backend.database.write(lambda c: insert_rows(c, run_id, "loss", old))
    await backend.database.write(lambda c: backend.metrics.append(c, run_id, columns(compacted)))
    await compact_run(backend.database, run_id)
    if late:
        await backend.database.write(lambda c: backend.metrics.append(c, run_id, columns(late)))
    history = backend.database.read_now(lambda c: backend.metrics.history(c, run_id, "loss"))
    assert history is not None
    cut = Cut(axis, *ends, most)
    found = drawn(backend, cut)
    if found is None:
        assert len(in_range(history, cut)[0]) == 0
    else:
        check(found, history, cut)


@pytest.fixture
async def _long_run(backend: Backend, _short_pieces: None) -> None:
    points = [("loss", step, step * 10, float(step % 7)) for step in range(300)]
    points[123] = ("loss", 123, 1_230, 99.0)
    run_id = backend.run_ids[0]
    await backend.database.write(lambda c: backend.metrics.append(c, run_id, columns(points)))
    await compact_run(backend.database, run_id)


async def change(backend: Backend, statement: str, *parameters: object) -> None:
    await backend.database.write(lambda c: c.execute(statement, parameters))


def count(backend: Backend, table: str) -> int:
    def read(connection: Connection) -> int:
        (found,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(found)

    return backend.database.read_now(read)


@pytest.mark.usefixtures("_long_run")
async def test_what_lies_between_is_drawn_without_its_chunks(backend: Backend) -> None:
    cut = Cut("step", None, None, 12)
    whole = drawn(backend, cut)
    await change(
        backend,
        "UPDATE headwater_metric_chunks SET payload = ? WHERE lowest_step BETWEEN 20 AND 250",
        b"unreadable",
    )
    found = drawn(backend, cut)
    assert found is not None
    assert whole is not None
    assert rows(found.points) == rows(whole.points)
    assert found.total == 300
    assert 99.0 in found.points.values


@pytest.mark.parametrize("damage", ["lost", "damaged"])
@pytest.mark.usefixtures("_long_run")
async def test_without_its_envelope_a_chunk_is_read(backend: Backend, damage: str) -> None:
    cut = Cut("step", None, None, 60)
    before = drawn(backend, cut)
    if damage == "lost":
        await change(backend, "DELETE FROM headwater_metric_envelopes")
    else:
        await change(backend, "UPDATE headwater_metric_envelopes SET payload = ?", b"damaged")
    found = drawn(backend, cut)
    assert found is not None
    assert before is not None
    assert found.total == before.total
    assert np.isin([0.0, 6.0, 99.0], found.points.values).all()


@pytest.mark.usefixtures("_long_run")
async def test_envelopes_go_with_their_chunks(backend: Backend) -> None:
    assert count(backend, "headwater_metric_envelopes") == 50
    late = columns([("loss", 7, 70, 5.0)])
    run_id = backend.run_ids[0]
    await backend.database.write(lambda c: backend.metrics.append(c, run_id, late))
    await compact_run(backend.database, run_id)
    assert count(backend, "headwater_metric_envelopes") == count(backend, "headwater_metric_chunks")
    await change(backend, "DELETE FROM headwater_metric_series")
    assert count(backend, "headwater_metric_envelopes") == 0


async def test_a_metric_without_points_has_no_chart(backend: Backend) -> None:
    assert drawn(backend, Cut("step", None, None, 100)) is None
