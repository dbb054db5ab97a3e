"""Tensors of safetensors files, mapped into memory."""

import importlib
import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mlflow.exceptions import MlflowException
from numpy.typing import NDArray

from headwater.errors import InvalidParameterError
from headwater.wire.safetensors import (
    ITEM_BYTES,
    LENGTH_BYTES,
    TensorPlace,
    header_length,
    read_header,
)

_SUFFIX = ".safetensors"
_NUMPY = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
    "C64": "<c8",
}
_ML_DTYPES = {"BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"}
_BITS = {1: "u1", 2: "<u2"}


@dataclass(frozen=True, slots=True)
class _Placed:
    """A tensor, and the file that it is in."""

    file: Path
    place: TensorPlace


class Tensors(Mapping[str, NDArray[Any]]):
    """Arrays by name; a file is mapped when the first of its tensors is asked for."""

    def __init__(self, placed: Mapping[str, _Placed]) -> None:
        self._placed = placed
        self._mapped: dict[Path, mmap.mmap] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Raises KeyError, or MlflowException for a type that has no array."""
        placed = self._placed[name]
        place = placed.place
        content = self._map(placed.file)
        found = np.frombuffer(content, "u1", place.size, place.start)
        return found.view(_dtype(name, place.dtype)).reshape(place.shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._placed)

    def __len__(self) -> int:
        return len(self._placed)

    def __repr__(self) -> str:
        return (
            f"<{len(self)} tensors in {len({each.file for each in self._placed.values()})} files>"
        )

    def dtype(self, name: str) -> str:
        """Return the type of a tensor as its file names it, such as ``BF16``. Raises KeyError."""
        return self._placed[name].place.dtype

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor, without touching it. Raises KeyError."""
        return self._placed[name].place.shape

    def _map(self, file: Path) -> mmap.mmap:
        if file not in self._mapped:
            with file.open("rb") as opened:
                self._mapped[file] = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        return self._mapped[file]


def map_tensors(path: Path, shown: str) -> Tensors:
    """Return the tensors of a file, or of all safetensors files below a directory.

    Raises:
        MlflowException: there are none, or they cannot be read; names them as `shown`.
    """
    files = sorted(path.rglob(f"*{_SUFFIX}")) if path.is_dir() else [path]
    if not files:
        raise MlflowException.invalid_parameter_value(f"{shown} has no {_SUFFIX} file")
    placed: dict[str, _Placed] = {}
    for file in files:
        try:
            found = _read(file)
        except InvalidParameterError as error:
            raise MlflowException.invalid_parameter_value(
                f"{shown}: {file.name}: {error}"
            ) from error
        if twice := placed.keys() & found.keys():
            raise MlflowException.invalid_parameter_value(
                f"{shown} has the tensor {min(twice)!r} twice, again in {file.name}; "
                "load the files one by one"
            )
        placed.update((name, _Placed(file, each)) for name, each in found.items())
    return Tensors(placed)


def _read(file: Path) -> dict[str, TensorPlace]:
    size = file.stat().st_size
    with file.open("rb") as opened:
        length = header_length(opened.read(LENGTH_BYTES), size)
        return read_header(opened.read(length), size)


def _dtype(name: str, dtype: str) -> "np.dtype[Any]":
    if dtype in _NUMPY:
        return np.dtype(_NUMPY[dtype])
    if dtype not in _ML_DTYPES:
        raise MlflowException.invalid_parameter_value(
            f"tensor {name!r} has the type {dtype}, for which there is no array"
        )
    try:
        found: np.dtype[Any] = np.dtype(
            getattr(importlib.import_module("ml_dtypes"), _ML_DTYPES[dtype])
        )
    except (ImportError, AttributeError):
        return np.dtype(_BITS[ITEM_BYTES[dtype]])
    return found
