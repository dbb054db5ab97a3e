"""A block gives back what was packed, and notices every flipped bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.entities.metric import Points, storable
from headwater.errors import CorruptBlockError
from headwater.wire import metric_block

INT64 = st.integers(-(2**63), 2**63 - 1)
KEYS = st.text(min_size=1, max_size=20)
VALUES = st.one_of(st.floats(), st.floats(width=32), st.integers(-1000, 1000).map(float))


@st.composite
def points(draw: st.DrawFn) -> Points:
    count = draw(st.integers(1, 60))
    keys = draw(st.lists(KEYS, min_size=1, max_size=8, unique=True))
    integers = st.one_of(
        st.lists(INT64, min_size=count, max_size=count),
        st.tuples(st.integers(-(2**40), 2**40), st.integers(-(2**16), 2**16)).map(
            lambda pair: [pair[0] + pair[1] * i for i in range(count)]
        ),
        st.integers(0, 2**40).map(lambda value: [value] * count),
    )
    return Points(
        tuple(keys),
        np.array(draw(st.lists(st.integers(0, len(keys) - 1), min_size=count, max_size=count))),
        np.array(draw(integers), np.int64),
        np.array(draw(integers), np.int64),
        storable(np.array(draw(st.lists(VALUES, min_size=count, max_size=count)))),
    )


def assert_same(left: Points, right: Points) -> None:
    assert left.keys == right.keys
    np.testing.assert_array_equal(left.key_index, right.key_index)
    np.testing.assert_array_equal(left.steps, right.steps)
    np.testing.assert_array_equal(left.timestamps, right.timestamps)
    np.testing.assert_array_equal(left.values, right.values)


@given(points())
def test_decode_gives_back_what_encode_packed(logged: Points) -> None:
    assert_same(metric_block.decode(metric_block.encode(logged)), logged)


@given(KEYS, INT64, st.integers(0, 2**63 - 1), VALUES)
def test_a_single_point_decodes_like_any_block(
    key: str, step: int, timestamp: int, value: float
) -> None:
    decoded = metric_block.decode(metric_block.encode_point(key, step, timestamp, value))
    expected = Points(
        (key,),
        np.zeros(1, np.intp),
        np.array([step], np.int64),
        np.array([timestamp], np.int64),
        np.array([value]),
    )
    assert_same(decoded, expected)


@given(points(), st.data())
def test_a_flipped_bit_is_noticed(logged: Points, data: st.DataObject) -> None:
    payload = bytearray(metric_block.encode(logged))
    bit = data.draw(st.integers(0, len(payload) * 8 - 1))
    payload[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(CorruptBlockError):
        metric_block.decode(bytes(payload))


@given(points(), st.data())
def test_a_truncated_block_is_noticed(logged: Points, data: st.DataObject) -> None:
    payload = metric_block.encode(logged)
    with pytest.raises(CorruptBlockError):
        metric_block.decode(payload[: data.draw(st.integers(0, len(payload) - 1))])


@given(points())
def test_holds_key_never_misses_a_key(logged: Points) -> None:
    payload = metric_block.encode(logged)
    assert all(metric_block.holds_key(payload, key) for key in logged.keys)


def test_regular_series_cost_little_more_than_their_values() -> None:
    count = 1000
    regular = Points(
        ("loss",),
        np.zeros(count, np.intp),
        np.arange(count, dtype=np.int64),
        1_700_000_000_000 + 250 * np.arange(count, dtype=np.int64),
        np.random.default_rng(0).random(count),
    )
    assert len(metric_block.encode(regular)) < 8 * count + 64


def test_values_born_as_float32_take_four_bytes() -> None:
    count = 1000
    values = np.random.default_rng(0).random(count).astype(np.float32).astype(np.float64)
    steps = np.arange(count, dtype=np.int64)
    packed = metric_block.encode(Points(("loss",), np.zeros(count, np.intp), steps, steps, values))
    assert len(packed) < 4 * count + 64
