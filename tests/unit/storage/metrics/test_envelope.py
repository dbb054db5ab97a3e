"""An envelope tells where the extremes of each piece of a chunk lie, and notices any damage."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.entities.metric import Series
from headwater.errors import CorruptBlockError
from headwater.storage.metrics.envelope import PIECE, Pieces, decode, encode, joined, pieces_of
from headwater.storage.metrics.merge import merged

INT64 = st.integers(-(2**63), 2**63 - 1)
POINTS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 9), INT64),
        st.one_of(st.integers(0, 9), st.integers(0, 2**63 - 1)),
        st.one_of(st.floats(-1e300, 1e300), st.integers(0, 3).map(float), st.just(math.nan)),
    ),
    min_size=1,
    max_size=40,
)


def series(points: list[tuple[int, int, float]]) -> Series:
    steps, timestamps, values = zip(*points, strict=True)
    return merged([Series(np.array(steps), np.array(timestamps), np.array(values, np.float64))])


def columns(pieces: Pieces) -> list[list[float]]:
    every = (
        *(pieces.counts, pieces.lowest_steps, pieces.highest_steps),
        *(pieces.first_timestamps, pieces.last_timestamps),
        *(pieces.minima.steps, pieces.minima.timestamps, np.nan_to_num(pieces.minima.values)),
        *(pieces.maxima.steps, pieces.maxima.timestamps, np.nan_to_num(pieces.maxima.values)),
    )
    return [column.tolist() for column in every]


@given(POINTS, st.integers(1, 9))
def test_pieces_tell_bounds_and_extremes_of_their_points(
    points: list[tuple[int, int, float]], size: int
) -> None:
    whole = series(points)
    pieces = pieces_of(whole, size)
    assert len(pieces) == -(-len(whole) // size)
    for at in range(len(pieces)):
        here = whole.take(slice(at * size, (at + 1) * size))
        assert pieces.counts[at] == len(here)
        assert pieces.lowest_steps[at] == here.steps.min()
        assert pieces.highest_steps[at] == here.steps.max()
        assert pieces.first_timestamps[at] == here.timestamps[0]
        assert pieces.last_timestamps[at] == here.timestamps[-1]
        some = not np.isnan(here.values).all()
        for extreme, least in ((pieces.minima, np.nanmin), (pieces.maxima, np.nanmax)):
            found = extreme.take(np.array([at]))
            expected = least(here.values) if some else math.nan
            np.testing.assert_equal(found.values[0], expected)
            assert (found.steps[0], found.timestamps[0], repr(found.values[0])) in [
                (s, t, repr(v))
                for s, t, v in zip(here.steps, here.timestamps, here.values, strict=True)
            ]


@given(POINTS)
def test_an_envelope_decodes_to_the_pieces_it_was_made_of(
    points: list[tuple[int, int, float]],
) -> None:
    assert columns(decode(encode(series(points)))) == columns(pieces_of(series(points)))


def long_series(points: int) -> Series:
    steps = np.arange(points)
    return Series(steps, steps * 10 + steps % 7, np.sin(steps / 9))


@pytest.mark.parametrize("points", [PIECE - 1, PIECE, PIECE + 1, 20 * PIECE])
def test_a_long_envelope_has_a_piece_every_few_points(points: int) -> None:
    whole = long_series(points)
    pieces = decode(encode(whole))
    assert columns(pieces) == columns(pieces_of(whole))
    assert int(pieces.counts.sum()) == points
    assert len(encode(whole)) < 100 + 50 * len(pieces)


def test_joined_pieces_follow_each_other() -> None:
    whole = long_series(10)
    halves = [pieces_of(whole.take(slice(0, 6)), 3), pieces_of(whole.take(slice(6, 10)), 3)]
    assert columns(joined(halves)) == columns(pieces_of(whole, 3))


@given(POINTS, st.data())
def test_any_damage_is_noticed(points: list[tuple[int, int, float]], data: st.DataObject) -> None:
    payload = bytearray(encode(series(points)))
    cut = data.draw(st.integers(0, len(payload) - 1))
    with pytest.raises(CorruptBlockError):
        decode(bytes(payload[:cut]))
    payload[cut] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CorruptBlockError):
        decode(bytes(payload))
