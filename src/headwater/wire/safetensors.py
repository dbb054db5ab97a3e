"""Where the tensors of a safetensors file are, from its first bytes.

Source: the safetensors format: u64 length of the header, little-endian; the header, JSON: for each
name dtype, shape and the offsets, from the header's end on, of its first and behind its last byte;
the tensors' bytes, without gaps.
"""

import math
import struct
from dataclasses import dataclass

import msgspec

from headwater.errors import InvalidParameterError

LENGTH_BYTES = 8
LARGEST_HEADER = 100 * 1000 * 1000
"""The format's own limit."""

ITEM_BYTES = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U64": 8,
    "U32": 4,
    "U16": 2,
    "U8": 1,
    "BOOL": 1,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "C64": 8,
}
"""Bytes of an element of each type that is known here."""


class _Entry(msgspec.Struct, frozen=True):
    """What the header says of a tensor."""

    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


@dataclass(frozen=True, slots=True)
class TensorPlace:
    """A tensor in a file."""

    dtype: str
    """As the format names it, such as ``BF16``."""

    shape: tuple[int, ...]
    start: int
    """Of its bytes, in the file."""

    size: int


def header_length(begin: bytes, file_size: int) -> int:
    """Return the length of the header of a file that has these first eight bytes.

    Raises:
        InvalidParameterError: it is no safetensors file.
    """
    if len(begin) < LENGTH_BYTES:
        raise InvalidParameterError("it is too short for a safetensors file")
    length = int(struct.unpack("<Q", begin[:LENGTH_BYTES])[0])
    if length > min(LARGEST_HEADER, file_size - LENGTH_BYTES):
        raise InvalidParameterError("it is no safetensors file: its header would not fit into it")
    return length


def read_header(header: bytes, file_size: int) -> dict[str, TensorPlace]:
    """Return the tensors by name, of which each is known to lie in the file.

    Raises:
        InvalidParameterError: the header cannot be read, or contradicts itself.
    """
    try:
        entries = msgspec.json.decode(header, type=dict[str, msgspec.Raw])
        entries.pop("__metadata__", None)
        decoder = msgspec.json.Decoder(_Entry)
        decoded = {name: decoder.decode(raw) for name, raw in entries.items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidParameterError(f"its header cannot be read: {error}") from error
    begin = LENGTH_BYTES + len(header)
    return {name: _place(name, each, begin, file_size) for name, each in decoded.items()}


def _place(name: str, entry: _Entry, begin: int, file_size: int) -> TensorPlace:
    first, end = entry.data_offsets
    size = end - first
    item = ITEM_BYTES.get(entry.dtype)
    if first < 0 or size < 0 or begin + end > file_size or any(each < 0 for each in entry.shape):
        raise InvalidParameterError(f"tensor {name!r} does not lie in the file")
    if item is not None and math.prod(entry.shape) * item != size:
        raise InvalidParameterError(f"tensor {name!r} has not as many bytes as its shape says")
    return TensorPlace(entry.dtype, tuple(entry.shape), begin + first, size)
