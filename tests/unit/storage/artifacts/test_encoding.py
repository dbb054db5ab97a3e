"""Every chunk comes back bit by bit, however it was written down."""

import contextlib
from typing import Any

import numpy as np
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from headwater.errors import CorruptArtifactError
from headwater.storage.artifacts import encoding, planes

ENCODER = encoding.Encoder()
DECODER = encoding.Decoder()
numbers = st.binary(max_size=5_000)


def encode(content: memoryview, base: bytes | None = None) -> encoding.Encoded:
    """Encode a chunk that has nothing to do with those before it."""
    return ENCODER.encode(content, base, kind=object())


@given(numbers, st.sampled_from([2, 4, 8]))
def test_planes_are_joined_again(content: bytes, width: int) -> None:
    *parts, rest = planes.split(content, width)
    assert planes.join(parts).tobytes() + bytes(rest) == content


@given(st.data(), st.sampled_from([1, 2, 4, 8]), st.integers(0, 200))
def test_differences_are_added_again(data: st.DataObject, width: int, count: int) -> None:
    size = width * count
    content = data.draw(st.binary(min_size=size, max_size=size))
    base = data.draw(st.binary(min_size=size, max_size=size))
    total = planes.ordered(planes.numbers_of(base, width))
    difference = planes.numbers_of(planes.subtract(content, base, width), width).copy()
    planes.add(total, difference)
    assert planes.ordered(total).tobytes() == content


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floats_that_differ_by_little_have_small_differences(kind: type) -> None:
    values: Any = np.array([0.0, -0.0, 1.0, -1.0, 3e-5, -3e-5, 700.0], kind)
    width = values.itemsize
    after = np.nextafter(values, kind(np.inf))
    unsigned = np.dtype(f"u{width}")
    changed = np.frombuffer(planes.subtract(after.tobytes(), values.tobytes(), width), unsigned)
    assert changed.max() <= 4


@given(numbers, st.none() | numbers)
@example(b"", None)
@example(b"\0" * 4_000, b"\0" * 4_000)
def test_a_chunk_is_decoded_to_what_it_was(content: bytes, base: bytes | None) -> None:
    encoded = encode(memoryview(content), base)
    below = [encode(memoryview(base)).content] if encoded.is_difference and base else []
    if encoded.is_difference:
        with pytest.raises(CorruptArtifactError):
            DECODER.decode(encoded.content)
    assert DECODER.decode(encoded.content, *below) == content
    assert len(encoded.content) <= len(content) + 64


@given(st.lists(st.tuples(st.sampled_from([2, 4, 8]), st.integers(0, 2**32)), max_size=5))
def test_a_chain_of_differences_of_any_widths_is_summed(links: list[tuple[int, int]]) -> None:
    content = weights(1_000).tobytes() + b"odd"
    chain = [encode(memoryview(content)).content]
    for width, seed in links:
        changed = bytearray(content)
        for at in np.random.default_rng(seed).integers(0, len(content), 20):
            changed[at] ^= 1
        # By the width that is asked for, whatever suits the numbers best.
        chain.insert(0, ENCODER._difference(memoryview(changed), content, width))
        content = bytes(changed)
    assert DECODER.decode(*chain) == content


def weights(count: int = 131_072) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    return (np.random.default_rng(1).standard_normal(count) * 0.02).astype(np.float32)


def test_floats_are_smaller_in_planes_and_smaller_yet_beside_a_similar_chunk() -> None:
    before = weights()
    noise = np.random.default_rng(2).standard_normal(len(before)).astype(np.float32)
    after = (before * (1 + 1e-3 * noise)).tobytes()
    alone = encode(memoryview(after))
    assert len(alone.content) < 0.88 * len(after)
    beside = encode(memoryview(after), before.tobytes())
    assert beside.is_difference
    assert len(beside.content) < 0.55 * len(after)
    below = encode(memoryview(before.tobytes()))
    assert DECODER.decode(beside.content, below.content) == after


def test_bytes_that_never_repeat_are_smaller_than_by_the_usual_level() -> None:
    content = weights().tobytes()
    upper = planes.split(content, 4)[3]
    encoded = encode(memoryview(content)).content
    usual = len(zstandard.compress(upper, 1)) + 3 * len(upper)
    assert len(encoded) < 0.99 * usual
    rows = np.tile(weights(512), 256).tobytes()  # repetitions are found nevertheless
    assert len(encode(memoryview(rows)).content) < 0.01 * len(rows)


def test_the_width_of_one_chunk_is_used_for_those_after_it() -> None:
    encoder = encoding.Encoder()
    contents = [weights(20_000).tobytes(), b"text " * 10_000, weights(20_000).tobytes()] * 12
    for content in contents:
        assert DECODER.decode(encoder.encode(memoryview(content), kind="x").content) == content


def test_what_does_not_compress_is_kept_as_it_is() -> None:
    content = np.random.default_rng(3).bytes(500_000)
    encoded = encode(memoryview(content), np.random.default_rng(4).bytes(500_000))
    assert not encoded.is_difference
    assert len(encoded.content) <= len(content) + 8


@given(st.binary(max_size=200))
def test_what_is_no_encoded_chunk_is_told(content: bytes) -> None:
    with contextlib.suppress(CorruptArtifactError):
        DECODER.decode(content, b"")


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_is_an_error_or_other_content_but_no_crash(at: int, change: int) -> None:
    encoded = bytearray(encode(memoryview(weights(2_000).tobytes())).content)
    encoded[at % len(encoded)] ^= change
    with contextlib.suppress(CorruptArtifactError):
        DECODER.decode(bytes(encoded))
