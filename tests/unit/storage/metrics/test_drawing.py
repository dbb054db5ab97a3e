"""A chart that is drawn from chunk rows and envelopes keeps every spike and reads little."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.drawings import check, in_range, rows

from headwater.entities.drawing import Axis, Cut, Drawing
from headwater.entities.metric import Series
from headwater.storage.metrics import drawing
from headwater.storage.metrics.downsample import downsample
from headwater.storage.metrics.drawing import Chunks, draw
from headwater.storage.metrics.envelope import PIECE, Pieces, joined, pieces_of
from headwater.storage.metrics.merge import merged

AXES: tuple[Axis, ...] = ("step", "time", "row")
EMPTY = Series(np.array([], np.int64), np.array([], np.int64), np.array([], np.float64))


class Stored:
    """Chunks in memory, and a note of what was read of them."""

    def __init__(self, chunks: Sequence[Series], piece: int, without: frozenset[int]) -> None:
        self.series = chunks
        self.piece = piece
        self.without = without
        self.chunks_read: list[int] = []
        self.envelopes_read: list[int] = []

    def rows(self, cut: Cut) -> Chunks:
        """Return the rows of the chunks that may have points in the range."""
        wholes = [pieces_of(chunk, len(chunk)) for chunk in self.series]
        pieces = joined([pieces_of(EMPTY_LIKE, 1), *wholes]).take(np.arange(1, len(wholes) + 1))
        time = cut.axis == "time"
        low = pieces.first_timestamps if time else pieces.lowest_steps
        high = pieces.last_timestamps if time else pieces.highest_steps
        mask = np.ones(len(wholes), bool)
        if cut.start is not None:
            mask &= high >= cut.start
        if cut.end is not None:
            mask &= low <= cut.end
        return Chunks(
            np.arange(len(wholes)),
            np.array([chunk.steps[0] for chunk in self.series], np.int64),
            np.array([chunk.steps[-1] for chunk in self.series], np.int64),
            pieces,
        ).take(mask)

    def chunks(self, ids: Sequence[int]) -> Iterator[Series]:
        self.chunks_read += ids
        return (self.series[at] for at in ids)

    def envelopes(self, ids: Sequence[int]) -> Mapping[int, Pieces]:
        self.envelopes_read += ids
        return {at: pieces_of(self.series[at], self.piece) for at in ids if at not in self.without}


EMPTY_LIKE = Series(np.array([0]), np.array([0]), np.array([0.0]))


def drawn(stored: Stored, loose: Series, cut: Cut) -> Drawing:
    return draw(stored.rows(cut), loose, cut, stored)


VALUES = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e9, 1e9), st.just(math.nan))


@st.composite
def histories(draw: st.DrawFn) -> Series:
    """Up to 120 points whose steps follow time, or not, with gaps, repeats and bursts."""
    count = draw(st.integers(1, 120))
    strides = st.sampled_from([0, 0, 1, 1, 1, 2, 30, 1000])
    times = np.cumsum(draw(st.lists(strides, min_size=count, max_size=count)))
    order = draw(st.sampled_from(["ascending", "resumed", "any"]))
    steps = np.cumsum(draw(st.lists(strides, min_size=count, max_size=count)))
    if order == "resumed":
        steps[count // 2 :] -= steps[count // 2] - steps[count // 3]
    elif order == "any":
        steps = np.array(draw(st.permutations(steps.tolist())))
    values = draw(st.lists(VALUES, min_size=count, max_size=count))
    return merged([Series(steps, times, np.array(values))])


@settings(max_examples=400, deadline=None)
@given(
    history=histories(),
    chunk=st.integers(1, 30),
    piece=st.integers(1, 5),
    late=st.sets(st.integers(0, 119), max_size=6),
    twice=st.sets(st.integers(0, 119), max_size=3),
    without=st.frozensets(st.integers(0, 40)),
    axis=st.sampled_from(AXES),
    ends=st.tuples(st.none() | st.integers(-5, 400), st.none() | st.integers(-5, 400)),
    most=st.integers(1, 40),
)
def test_no_chart_loses_a_spike_or_a_point_count(
    history: Series,
    chunk: int,
    piece: int,
    late: set[int],
    twice: set[int],
    without: frozenset[int],
    axis: Axis,
    ends: tuple[int | None, int | None],
    most: int,
) -> None:
    """Whatever is in chunks, with envelopes or without, and whatever in none, or in both."""
    at = np.arange(len(history))
    inside = history.take(~np.isin(at, [*late]))
    loose = history.take(np.isin(at, [*late, *twice]))
    stored = Stored(_split(inside, chunk), piece, without)
    cut = Cut(axis, *ends, most)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing, "READ_WHOLE", 0)
        check(drawn(stored, loose, cut), history, cut)


def _split(series: Series, size: int) -> list[Series]:
    """Cut a series into chunks: points of one (timestamp, step) stay together."""
    found: list[Series] = []
    start = 0
    while start < len(series):
        end = start + size
        while end < len(series) and (
            (series.timestamps[end], series.steps[end])
            == (series.timestamps[end - 1], series.steps[end - 1])
        ):
            end += 1
        found.append(series.take(slice(start, end)))
        start = end
    return found


@given(history=histories(), axis=st.sampled_from(AXES), most=st.integers(4, 40))
def test_a_short_series_is_thinned_out_in_exactly_even_buckets(
    history: Series, axis: Axis, most: int
) -> None:
    cut = Cut(axis, None, None, most)
    found = drawn(Stored(_split(history, 7), 3, frozenset()), EMPTY, cut)
    within, positions = in_range(history, cut)
    assert rows(found.points) == rows(downsample(within, positions, most))


def long_run(chunks: int, points: int = 4_096) -> list[Series]:
    steps = np.arange(chunks * points)
    values = np.sin(steps / len(steps) * 50)
    values[len(steps) // 3] = 9.0
    return _split(Series(steps, 10**12 + steps * 5, values), points)


@pytest.mark.parametrize("axis", AXES)
def test_a_chart_of_a_long_run_reads_few_chunks(axis: Axis) -> None:
    stored = Stored(long_run(400), PIECE, frozenset())
    found = drawn(stored, EMPTY, Cut(axis, None, None, 1_000))
    assert found.total == 400 * 4_096
    assert found.points.values.max() == 9.0
    assert set(stored.chunks_read) == {0, 399}
    assert len(set(stored.envelopes_read)) == 398, "a bucket is smaller than a chunk"


@pytest.mark.parametrize("axis", AXES)
def test_a_coarse_chart_reads_rows_alone(axis: Axis) -> None:
    stored = Stored(long_run(400), PIECE, frozenset())
    found = drawn(stored, EMPTY, Cut(axis, None, None, 100))
    assert found.points.values.max() == 9.0
    assert set(stored.chunks_read) == {0, 399}
    assert stored.envelopes_read == []


def test_a_part_of_a_long_run_is_read_alone() -> None:
    stored = Stored(long_run(400), PIECE, frozenset())
    cut = Cut("step", 500_000, 500_499, 1_000)
    assert drawn(stored, EMPTY, cut).points.steps.tolist() == list(range(500_000, 500_500))
    assert set(stored.chunks_read) == {122}


def test_points_that_follow_the_chunks_leave_them_unread() -> None:
    stored = Stored(long_run(400), PIECE, frozenset())
    after = np.arange(10) + 400 * 4_096
    loose = Series(after, 10**12 + after * 5, np.full(10, -7.0))
    found = drawn(stored, loose, Cut("step", None, None, 1_000))
    assert found.total == 400 * 4_096 + 10
    assert found.points.values.min() == -7.0
    assert len(set(stored.chunks_read)) == 2


def test_a_late_point_has_the_chunk_read_that_might_hold_it() -> None:
    stored = Stored(long_run(400), PIECE, frozenset())
    repeated = stored.series[200].take(np.array([17]))
    found = drawn(stored, repeated, Cut("step", None, None, 1_000))
    assert found.total == 400 * 4_096
    assert 200 in stored.chunks_read


def test_a_sparse_stretch_beside_a_dense_one_is_drawn_in_full() -> None:
    dense, sparse = np.arange(400_000), 400_000 + np.arange(400) * 1_000
    steps = np.concatenate((dense, sparse))
    stored = Stored(_split(Series(steps, steps, np.sin(steps)), 4_096), PIECE, frozenset())
    found = drawn(stored, EMPTY, Cut("step", None, None, 1_000))
    assert (found.points.steps >= 400_000).sum() >= 250, "one point a bucket, as it has"
    assert len(set(stored.chunks_read)) <= 3
