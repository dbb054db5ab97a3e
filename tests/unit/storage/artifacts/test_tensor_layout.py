"""Headers of files of tensors: true ones, and what only looks like them."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFReader, GGUFWriter
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.storage.artifacts.cut import Cutter
from headwater.storage.artifacts.gguf import GgufReader
from headwater.storage.artifacts.tensor_layout import Tensor

_KINDS = {0: "B", 2: "H", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 12: "d"}


def text(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def pair(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def array(inner: int, items: list[bytes]) -> bytes:
    return struct.pack("<IQ", inner, len(items)) + b"".join(items)


def gguf(
    tensors: list[tuple[str, int, int, bytes]], pairs: list[bytes], alignment: int = 32
) -> bytes:
    """A file of tensors of name, type, elements and content."""
    described, content = [], b""
    for name, kind, count, data in tensors:
        described.append(text(name) + struct.pack("<IQIQ", 1, count, kind, len(content)))
        content += data + bytes(-len(data) % alignment)
    begin = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs))
    head = begin + b"".join(pairs) + b"".join(described)
    return head + bytes(-len(head) % alignment) + content


def cut(content: bytes, piece: int) -> tuple[list[Tensor], list[tuple[int, int, str | None]]]:
    """Tensors, and start, length and tensor of each chunk; together they are all of the content."""
    cutter, chunks, joined = Cutter(), [], b""
    blocks = [content[at : at + piece] for at in range(0, len(content), piece)]
    for found in (*map(cutter.feed, blocks), cutter.finish()):
        for each in found:
            name = None if each.tensor is None else each.tensor.name
            chunks.append((each.start, len(each.content), name))
            joined += bytes(each.content)
    assert joined == content
    return cutter.tensors, chunks


simple = st.sampled_from(sorted(_KINDS)).flatmap(
    lambda kind: st.just((kind, struct.pack(f"<{_KINDS[kind]}", 1)))
)
values = st.one_of(
    simple,
    st.text(max_size=40).map(lambda value: (8, text(value))),
    st.lists(st.text(max_size=10), max_size=20).map(
        lambda items: (9, array(8, [text(each) for each in items]))
    ),
    st.lists(st.integers(0, 255), max_size=40).map(
        lambda items: (9, array(0, [bytes([each]) for each in items]))
    ),
    st.just((9, array(9, [array(4, [bytes(4)] * 3), array(8, [text("a")])]))),
)


@settings(max_examples=40, deadline=None)
@given(
    counts=st.lists(st.integers(1, 3_000), max_size=6),
    found=st.lists(values, max_size=6),
    alignment=st.sampled_from([8, 32, 64]),
    piece=st.sampled_from([64, 1_000, 10**6]),
)
def test_tensors_of_gguf_are_where_it_has_them(
    counts: list[int], found: list[tuple[int, bytes]], alignment: int, piece: int
) -> None:
    pairs = [pair(f"k{n}", kind, value) for n, (kind, value) in enumerate(found)]
    pairs.append(pair("general.alignment", 4, struct.pack("<I", alignment)))
    # Q4_0: blocks of 32 elements in 18 bytes.
    tensors = [
        (f"t{n}", 2, 32 * count, bytes([n]) * (18 * count)) for n, count in enumerate(counts)
    ]
    content = gguf(tensors, pairs, alignment)
    told, chunks = cut(content, piece)
    large = [(name, data) for name, _, _, data in tensors if len(data) >= 4096]
    assert [(each.name, content[each.start :][: each.size]) for each in told] == large
    assert {name for _, _, name in chunks if name} == {name for name, _ in large}


def test_a_file_by_the_writer_of_llama_cpp_is_cut_at_its_tensors_whatever_their_types(
    tmp_path: Path,
) -> None:
    """Its reader tells where they are."""
    # In memory only, and of a size in that package that ggml's has no more.
    kinds = [each for each in GGML_QUANT_SIZES if each != GGMLQuantizationType.Q8_1]
    writer = GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_block_count(2)
    writer.add_rope_freq_base(10_000.0)
    writer.add_token_list([f"token {n}" for n in range(5_000)])
    writer.add_token_scores([float(n) for n in range(5_000)])
    writer.add_custom_alignment(64)
    plain = {np.float32: "f32", np.float16: "f16", np.float64: "f64", np.int8: "i8"}
    for dtype, name in plain.items():
        writer.add_tensor(f"blk.{name}", np.arange(16_384).reshape(4, 64, 64).astype(dtype))
    for kind in kinds:
        row = GGML_QUANT_SIZES[kind][1] * 7
        content = np.random.default_rng(kind).integers(0, 256, (3 + 5_000 // row, row), np.uint8)
        writer.add_tensor(f"blk.{kind.name}", content, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    told, chunks = cut((tmp_path / "m.gguf").read_bytes(), 100_000)
    expected = [
        (each.name, int(each.data_offset), int(each.n_bytes))
        for each in GGUFReader(tmp_path / "m.gguf").tensors
    ]
    assert len(expected) == len(plain) + len(kinds)
    assert [(each.name, each.start, each.size) for each in told] == expected
    assert {name for _, _, name in chunks if name} == {name for name, _, _ in expected}


def test_a_header_that_comes_in_pieces_is_read_once() -> None:
    vocabulary = array(8, [text(f"token {n}") for n in range(200_000)])
    content = gguf([("w", 0, 2_000, bytes(8_000))], [pair("tokens", 9, vocabulary)])
    reader, told = GgufReader(), None
    for end in range(50_000, len(content) + 50_000, 50_000):
        assert told is None
        told = reader.feed(memoryview(content)[:end], is_end=end >= len(content))
        if reader.is_over:
            break
    assert told == [(len(content) - 8_000, 8_000, "w")]
    assert cut(content, 1 << 16) == cut(content, 1 << 22)


hostile = [
    b"GGUF" + struct.pack("<IQQ", 3, 2**63, 0),
    b"GGUF" + struct.pack("<IQQ", 3, 0, 2**63),
    b"GGUF" + struct.pack("<IQQ", 9, 1, 1),
    b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + struct.pack("<Q", 2**64 - 1),
    b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + pair("a", 9, struct.pack("<IQ", 8, 2**64 - 1)),
    b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + pair("a", 9, struct.pack("<IQ", 0, 2**64 - 1)),
    b"GGUF"
    + struct.pack("<IQQ", 3, 0, 1)
    + pair("a", 9, b"".join(struct.pack("<IQ", 9, 1) for _ in range(100))),
    b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + pair("general.alignment", 4, bytes(4)),
    b"GGUF"
    + struct.pack("<IQQ", 3, 1, 0)
    + text("w")
    + struct.pack("<IQQIQ", 2, 2**64 - 1, 2**64 - 1, 0, 32),
    b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + text("w") + struct.pack("<I", 2**32 - 1),
]


@pytest.mark.parametrize("number", range(len(hostile)))
def test_what_only_looks_like_gguf_is_cut_like_any_file(number: int) -> None:
    told, chunks = cut(hostile[number] + bytes(100_000), 1_000)
    assert told == []
    assert chunks[0][0] == 0


@settings(max_examples=150, deadline=None)
@given(
    at=st.integers(4, 150), byte=st.integers(0, 255), end=st.integers(0, 9_000), piece=st.just(500)
)
def test_damage_to_a_header_stops_nothing(at: int, byte: int, end: int, piece: int) -> None:
    pairs = [pair("a", 8, text("b")), pair("c", 9, array(8, [text("d")] * 3))]
    content = bytearray(gguf([("w", 0, 2_000, bytes(8_000))], pairs))
    content[at] = byte
    cut(bytes(content[:end]), piece)


@pytest.mark.parametrize(
    "header",
    [
        '{"a": {"data_offsets": [0, 1e999]}}',
        '{"a": {"data_offsets": [0, ' + "9" * 400 + "]}}",
        '{"a": ' + "[" * 200_000,
        json.dumps({"a": {"data_offsets": [0, 2**64]}}),
    ],
)
def test_safetensors_with_impossible_headers_are_cut_like_any_file(header: str) -> None:
    told, _ = cut(struct.pack("<Q", len(header)) + header.encode() + bytes(50_000), 100_000)
    assert told == []


def test_npy_with_a_header_without_end_is_cut_like_any_file() -> None:
    header = b"(" * 60_000
    head: Any = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    assert cut(head + bytes(50_000), 100_000)[0] == []
