"""A frame gives back what was packed; whatever else arrives is refused, and named."""

import uuid
import zlib

import numpy as np
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.wire.test_metric_block import assert_same, points

from headwater.entities.metric import Points
from headwater.errors import InvalidParameterError
from headwater.wire import ingest, metric_block
from headwater.wire.ingest import decode_frame, encode_frame
from headwater.wire.operations import (
    CreateRun,
    DeleteTag,
    LogModelMetrics,
    LogParams,
    ModelPoint,
    Operation,
    SetTags,
    UpdateRun,
    decode_operations,
)

CLIENT = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff").hex
RUN_IDS = st.text(st.sampled_from("0123456789abcdef"), min_size=32, max_size=32)
BATCHES = st.lists(st.tuples(RUN_IDS, points()), max_size=3)


def some_points(count: int = 3) -> Points:
    steps = np.arange(count)
    return Points(("loss",), np.zeros(count, np.intp), steps, steps + 1000, steps / 7)


NAMES = st.text(max_size=20)
ITEMS = st.dictionaries(NAMES, NAMES)
OPERATIONS = st.lists(
    st.one_of(
        st.builds(CreateRun, run_id=RUN_IDS, experiment_name=NAMES, tags=ITEMS),
        st.builds(LogParams, RUN_IDS, ITEMS),
        st.builds(SetTags, RUN_IDS, ITEMS),
        st.builds(DeleteTag, RUN_IDS, NAMES),
        st.builds(
            UpdateRun,
            run_id=RUN_IDS,
            status=st.sampled_from([None, "FINISHED", "KILLED"]),
            end_time=st.integers(0, 2**63 - 1),
        ),
        st.builds(
            LogModelMetrics,
            RUN_IDS,
            st.lists(st.builds(ModelPoint, NAMES, st.just("NaN"), st.just(1), st.just(2), NAMES)),
        ),
    ),
    max_size=4,
)

FRAME = encode_frame(
    CLIENT,
    7,
    [("a" * 32, some_points()), ("b" * 32, some_points(1))],
    [SetTags("a" * 32, {"team": "blue"})],
)


@given(st.uuids(), st.integers(1, 2**63 - 1), BATCHES, OPERATIONS, st.booleans())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_round_trip(
    client: uuid.UUID,
    sequence: int,
    batches: list[tuple[str, Points]],
    operations: list[Operation],
    compress: bool,
) -> None:
    body = encode_frame(client.hex, sequence, batches, operations)
    if compress:
        frame = decode_frame(zstandard.ZstdCompressor().compress(body), "zstd")
    else:
        frame = decode_frame(body)
    assert (frame.client_id, frame.sequence) == (client.hex, sequence)
    assert frame.operations == operations
    assert [batch.run_id for batch in frame.batches] == [run_id for run_id, _ in batches]
    for batch, (_, logged) in zip(frame.batches, batches, strict=True):
        assert_same(batch.points, logged)
        assert_same(metric_block.decode(batch.block), logged)


@given(st.integers(0, 8 * len(FRAME) - 1))
def test_every_flipped_bit_is_refused(position: int) -> None:
    damaged = bytearray(FRAME)
    damaged[position // 8] ^= 1 << position % 8
    with pytest.raises(InvalidParameterError):
        decode_frame(bytes(damaged))


@given(st.integers(0, len(FRAME) - 1))
def test_every_cut_is_refused(length: int) -> None:
    with pytest.raises(InvalidParameterError):
        decode_frame(FRAME[:length])


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    for encoding in ("", "zstd"):
        with pytest.raises(InvalidParameterError):
            decode_frame(noise, encoding)


def sealed(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(4, "little") + content


@pytest.mark.parametrize(
    ("body", "encoding", "text"),
    [
        (FRAME, "gzip", "Content-Encoding 'gzip'"),
        (FRAME + b"x", "", "another length"),
        (encode_frame(CLIENT, 0, []), "", "Sequence 0"),
        (encode_frame(CLIENT, 2**63, []), "", "Sequence 9223372036854775808"),
        (b"HWMI\x03" + FRAME[5:], "", "unknown version 3"),
        (zstandard.compress(b"\0" * (ingest.LARGEST_FRAME + 1)), "zstd", "67,108,864 bytes"),
    ],
)
def test_refusals_say_what_is_wrong(body: bytes, encoding: str, text: str) -> None:
    with pytest.raises(InvalidParameterError, match=text):
        decode_frame(body, encoding)


def frame_around(block: bytes) -> bytes:
    """Return a sound frame that holds any bytes as the block of a run."""
    head = bytes.fromhex(CLIENT) + (1).to_bytes(8, "little") + (1).to_bytes(4, "little")
    head += b"\x20" + b"a" * 32 + len(block).to_bytes(4, "little")
    return b"HWMI\x01" + sealed(head) + block


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "MOST_POINTS", 3)
    with pytest.raises(InvalidParameterError, match="more than 3 points"):
        decode_frame(FRAME)
    monkeypatch.setattr(ingest, "MOST_BATCHES", 1)
    with pytest.raises(InvalidParameterError, match="more than 1 batches"):
        decode_frame(FRAME)
    monkeypatch.undo()
    monkeypatch.setattr(ingest, "MOST_OPERATIONS", 0)
    with pytest.raises(InvalidParameterError, match="more than 0 operations"):
        decode_frame(FRAME)
    monkeypatch.setattr(ingest, "LARGEST_OPERATIONS", 10)
    with pytest.raises(InvalidParameterError, match="more than 10 bytes of operations"):
        decode_frame(FRAME)


@pytest.mark.parametrize(
    ("operations", "text"),
    [
        (b'[{"op":"delete_run","run_id":"a"}]', "delete_run"),
        (b'[{"op":"set_tags","run_id":"a","tags":{"a":1}}]', r"\$\[0\].tags"),
        (b'[{"op":"set_tags","run_id":"a"}]', "tags"),
        (b"[", "truncated"),
        (b'[{"op":"update_run","run_id":"a","status":"DONE"}]', "DONE"),
        (b'[{"op":"update_run","run_id":"a","end_time":-1}]', "end_time"),
    ],
)
def test_operations_that_are_none_are_refused_and_pointed_at(operations: bytes, text: str) -> None:
    with pytest.raises(InvalidParameterError, match=text):
        decode_operations(operations)


def test_a_few_bytes_that_claim_billions_of_points_are_not_unpacked() -> None:
    column = b"\0" + bytes(8)
    head = b"\x01" + (2**32 - 1).to_bytes(4, "little") + b"\x01\0" + b"\x01\0a"
    with pytest.raises(InvalidParameterError, match="1,048,576 points"):
        decode_frame(frame_around(sealed(head + column + column + b"\x04")))


def test_a_metric_named_twice_in_a_block_is_refused() -> None:
    twice = Points(("a", "a"), np.array([0, 1]), np.arange(2), np.arange(2), np.zeros(2))
    with pytest.raises(InvalidParameterError, match=f"Run {'a' * 32}: a metric is named twice"):
        decode_frame(frame_around(metric_block.encode(twice)))


def test_a_point_of_a_metric_without_a_name_is_refused() -> None:
    beyond = Points(("a", "b"), np.array([0, 2]), np.arange(2), np.arange(2), np.zeros(2))
    with pytest.raises(InvalidParameterError, match="a key that it does not name"):
        decode_frame(frame_around(metric_block.encode(beyond)))
