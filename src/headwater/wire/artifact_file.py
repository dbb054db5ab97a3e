"""A file that a client has cut into chunks, or a part of it, with those that the server lacks.

Layout, little-endian::

    4 bytes  "HWAF"
    u8       version (1)
    u32      length of the description
    the description, JSON
    a row for each chunk: 32 bytes BLAKE3, u32 length, i32 number of its tensor (-1: none),
        u8 1 where its content follows
    for each of these: u32 length, the content compressed with zstd
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from headwater.errors import InvalidParameterError

CONTENT_TYPE = "application/vnd.headwater.artifact"
HASH_BYTES = 32
MOST_HASHES = 100_000
"""Of one question which chunks are missing."""

LARGEST_CHUNK = 1024 * 1024
SMALL_FILE = 256 * 1024
"""Files up to this size go as MLflow sends them: asking what is missing would take longer."""

_MAGIC = b"HWAF"
_VERSION = 1
_START = struct.Struct("<4sBI")
_LENGTH = struct.Struct("<I")
_LARGEST_DESCRIPTION = 64 * 1024 * 1024
_MOST_CHUNKS = 50_000_000

ROW = np.dtype([("hash", "V32"), ("length", "<u4"), ("tensor", "<i4"), ("follows", "u1")])


_PLAIN = re.compile(r"[\w .,=+@()\[\]~!$&'-]+", re.ASCII)
_LONGEST_PATH = 2_000


def is_plain_path(path: str) -> bool:
    """Say whether nothing about an artifact's path needs MLflow's rules for odd ones."""
    parts = path.split("/")
    return len(path) <= _LONGEST_PATH and all(
        _PLAIN.fullmatch(part) and part not in (".", "..") for part in parts
    )


class Described(msgspec.Struct, frozen=True):
    """What is known of the file as a whole."""

    size: int
    digest: str
    """BLAKE3 of all of it, in hexadecimal."""

    chunks: int
    tensors: list[tuple[str, int, int]] = []
    """Name, start and size of each; of a part, the first of the file and those that it is of."""

    start: int = 0
    """Where in the file a part of it begins, and `size` is then the part's."""

    whole: int = 0
    """Bytes of the file that a part is of; 0: they are not told."""

    @property
    def least(self) -> int:
        """Bytes that the file has at least, as far as it is told."""
        return max(self.start + self.size, self.whole)


@dataclass(frozen=True, slots=True)
class Opening:
    """What precedes the contents."""

    described: Described
    rows: NDArray[np.void]


Read = Callable[[int], bytes]
"""Returns exactly so many bytes; raises InvalidParameterError where there are fewer."""


def recipe_of(digests: bytes, lengths: NDArray[np.integer]) -> bytes:
    """Return what files have in common that are made of the same chunks in the same order.

    `digests` are those of the chunks, joined; `lengths` their bytes. Unlike the digest of a file,
    whoever has verified the chunks can tell that it is right.
    """
    return blake3(digests + lengths.astype("<u4").tobytes()).digest()


def encode_opening(described: Described, rows: NDArray[np.void]) -> bytes:
    """Return what precedes the contents."""
    text = msgspec.json.encode(described)
    return _START.pack(_MAGIC, _VERSION, len(text)) + text + rows.tobytes()


def encode_content(compressed: bytes) -> bytes:
    """Return a chunk's content with its length."""
    return _LENGTH.pack(len(compressed)) + compressed


def read_opening(read: Read) -> Opening:
    """Read what precedes the contents.

    Raises:
        InvalidParameterError: it is none; says what is wrong.
    """
    magic, version, length = _START.unpack(read(_START.size))
    if magic != _MAGIC or version != _VERSION:
        raise InvalidParameterError("The body is no cut file, or of an unknown version")
    if length > _LARGEST_DESCRIPTION:
        raise InvalidParameterError("The description of the file is too long")
    try:
        described = msgspec.json.decode(read(length), type=Described)
        digest = bytes.fromhex(described.digest)
    except (msgspec.DecodeError, ValueError) as error:
        raise InvalidParameterError(f"The file's description cannot be read: {error}") from error
    numbers = (described.chunks, described.start, described.whole)
    numbers_are_possible = min(numbers) >= 0 and described.chunks <= _MOST_CHUNKS
    if len(digest) != HASH_BYTES or not numbers_are_possible:
        raise InvalidParameterError("The file's description has a wrong digest or count of chunks")
    rows = np.frombuffer(read(described.chunks * ROW.itemsize), ROW)
    if int(rows["length"].sum(dtype=np.int64)) != described.size:
        raise InvalidParameterError("The lengths of the chunks do not come to the file's size")
    if len(rows) and int(rows["length"].max()) > LARGEST_CHUNK:
        raise InvalidParameterError(f"A chunk has more than {LARGEST_CHUNK:,} bytes")
    named = rows["tensor"]
    if len(rows) and not -1 <= int(named.min()) <= int(named.max()) < len(described.tensors):
        raise InvalidParameterError("A chunk names a tensor that there is not")
    return Opening(described, rows)


def read_content(read: Read) -> bytes:
    """Read a chunk's content, compressed. Raises InvalidParameterError."""
    (length,) = _LENGTH.unpack(read(_LENGTH.size))
    if length > 2 * LARGEST_CHUNK:
        raise InvalidParameterError("The content of a chunk is too long")
    return read(length)
