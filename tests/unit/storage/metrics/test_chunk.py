"""A chunk gives back what was packed, and notices every flipped bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.entities.metric import Series, storable
from headwater.errors import CorruptBlockError
from headwater.storage.metrics import chunk

INT64 = st.integers(-(2**63), 2**63 - 1)
VALUES = st.one_of(st.floats(), st.floats(width=32), st.integers(-1000, 1000).map(float))


@st.composite
def series(draw: st.DrawFn) -> Series:
    count = draw(st.integers(1, 80))
    integers = st.one_of(
        st.lists(INT64, min_size=count, max_size=count),
        st.tuples(INT64, INT64).map(
            lambda pair: [
                max(-(2**63), min(2**63 - 1, pair[0] + pair[1] * i)) for i in range(count)
            ]
        ),
        INT64.map(lambda value: [value] * count),
    )
    return Series(
        np.array(draw(integers), np.int64),
        np.array(draw(integers), np.int64),
        storable(np.array(draw(st.lists(VALUES, min_size=count, max_size=count)))),
    )


def require_same(one: Series, other: Series) -> None:
    np.testing.assert_array_equal(one.steps, other.steps)
    np.testing.assert_array_equal(one.timestamps, other.timestamps)
    np.testing.assert_array_equal(one.values, other.values)


@given(series())
def test_decode_gives_back_what_encode_packed(points: Series) -> None:
    require_same(chunk.decode(chunk.encode(points)), points)


def test_a_column_whose_differences_wrap_around_is_not_taken_for_an_even_one() -> None:
    steps = np.array([0, 2**62 - 1, -(2**63), 2**63 - 1, 3], np.int64)
    points = Series(steps, steps[::-1].copy(), np.zeros(5))
    require_same(chunk.decode(chunk.encode(points)), points)


@given(series(), st.data())
def test_a_flipped_bit_or_a_cut_is_noticed(points: Series, data: st.DataObject) -> None:
    payload = chunk.encode(points)
    bit = data.draw(st.integers(0, 8 * len(payload) - 1))
    damaged = bytearray(payload)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(CorruptBlockError):
        chunk.decode(bytes(damaged))
    with pytest.raises(CorruptBlockError):
        chunk.decode(payload[: data.draw(st.integers(0, len(payload) - 1))])


@pytest.mark.parametrize(("decimals", "most"), [(None, 7.5), (4, 3.0)])
def test_regular_points_take_little_more_than_their_values(
    decimals: int | None, most: float
) -> None:
    values = np.random.default_rng(0).standard_normal(65_536)
    if decimals is not None:
        values = values.round(decimals)
    steps = np.arange(65_536)
    payload = chunk.encode(Series(steps, 1_700_000_000_000 + 250 * steps, values))
    assert len(payload) / 65_536 < most


def test_values_that_were_float32_take_less_than_four_bytes() -> None:
    values = np.random.default_rng(0).standard_normal(65_536).astype(np.float32).astype(np.float64)
    steps = np.arange(65_536)
    payload = chunk.encode(Series(steps, 1_700_000_000_000 + 250 * steps, values))
    assert len(payload) / 65_536 < 4
