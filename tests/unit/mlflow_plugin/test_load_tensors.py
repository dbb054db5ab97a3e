"""Tensors of safetensors files, mapped into memory: all types, and files that lie."""

import json
import struct
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException

from headwater.mlflow_plugin.load_tensors import _NUMPY, map_tensors
from headwater.wire.safetensors import ITEM_BYTES


def write(path: Path, header: Any, content: bytes) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content)
    return path


def entry(dtype: str, shape: list[int], start: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_arrays_are_what_was_written(data: st.DataObject, tmp_path: Path) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    content, arrays = b"", {}
    for number in range(data.draw(st.integers(0, 4))):
        dtype = data.draw(st.sampled_from(sorted(_NUMPY)))
        shape = data.draw(st.lists(st.integers(0, 4), max_size=3))
        size = int(np.prod(shape)) * ITEM_BYTES[dtype]
        raw = data.draw(st.binary(min_size=size, max_size=size))
        raw = bytes(each & 1 for each in raw) if dtype == "BOOL" else raw
        header[f"t{number}"] = entry(dtype, shape, len(content), len(content) + size)
        arrays[f"t{number}"] = (dtype, tuple(shape), raw)
        content += raw
    tensors = map_tensors(write(tmp_path / "m.safetensors", header, content), "m")
    assert set(tensors) == set(arrays)
    for name, (dtype, dimensions, raw) in arrays.items():
        assert (tensors.dtype(name), tensors.shape(name)) == (dtype, dimensions)
        assert tensors[name].shape == dimensions
        assert tensors[name].dtype == np.dtype(_NUMPY[dtype])
        assert tensors[name].tobytes() == raw
        assert not tensors[name].flags.writeable


def test_bfloat16_is_bits_unless_its_type_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = {"a": entry("BF16", [2], 0, 4), "b": entry("F8_E5M2", [2], 4, 6)}
    path = write(tmp_path / "m.safetensors", header, bytes([0, 63, 128, 63, 1, 2]))
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    tensors = map_tensors(path, "m")
    assert tensors["a"].dtype == np.uint16
    assert tensors["a"].tolist() == [0x3F00, 0x3F80]
    assert tensors["b"].dtype == np.uint8
    monkeypatch.setitem(sys.modules, "ml_dtypes", SimpleNamespace(bfloat16=np.float16))
    assert tensors["a"].dtype == np.float16
    assert tensors["b"].dtype == np.uint8


def test_types_without_an_array_are_errors_when_they_are_asked_for(tmp_path: Path) -> None:
    header = {"a": entry("F4", [8], 0, 4), "b": entry("U8", [4], 4, 8)}
    tensors = map_tensors(write(tmp_path / "m.safetensors", header, bytes(8)), "m")
    assert tensors["b"].tolist() == [0] * 4
    with pytest.raises(MlflowException, match="F4"):
        tensors["a"]
    with pytest.raises(KeyError):
        tensors["c"]


@pytest.mark.parametrize(
    "header",
    [
        {"a": entry("F32", [2], 0, 9)},
        {"a": entry("F32", [2], 4, 12)},
        {"a": entry("F32", [2], -8, 0)},
        {"a": entry("F32", [-1, -2], 0, 8)},
        {"a": entry("F32", [2**62, 2**62], 0, 8)},
        {"a": entry("F32", [2**64], 0, 8)},
        {"a": {"dtype": "F32", "shape": [2]}},
        {"a": 1},
        [],
        b"[" * 100_000,
        b"\xff\xfe",
        b"",
    ],
)
def test_headers_that_lie_are_refused(tmp_path: Path, header: Any) -> None:
    with pytest.raises(MlflowException, match=r"m\.safetensors"):
        map_tensors(write(tmp_path / "m.safetensors", header, bytes(8)), "m")


@pytest.mark.parametrize("content", [b"", b"1234", struct.pack("<Q", 2**63) + bytes(50)])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.safetensors").write_bytes(content)
    with pytest.raises(MlflowException, match=r"m\.safetensors"):
        map_tensors(tmp_path, "m")


def test_shards_are_one_mapping_and_a_name_twice_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MlflowException, match=r"no \.safetensors"):
        map_tensors(tmp_path, "m")
    for number in (1, 2):
        header = {f"t{number}": entry("U8", [1], 0, 1)}
        write(tmp_path / f"m-{number}.safetensors", header, bytes([number]))
    tensors = map_tensors(tmp_path, "m")
    assert {name: array.tolist() for name, array in tensors.items()} == {"t1": [1], "t2": [2]}
    write(tmp_path / "m-3.safetensors", {"t1": entry("U8", [1], 0, 1)}, b"3")
    with pytest.raises(MlflowException, match="'t1' twice"):
        map_tensors(tmp_path, "m")
