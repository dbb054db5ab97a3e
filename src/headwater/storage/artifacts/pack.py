"""Packs: objects that hold many encoded chunks, one after another, and a table of them.

Layout, little-endian: the encoded chunks; the table's rows, compressed with zstd; a foot of u32
length of the table, u32 its CRC-32, u32 rows, and "HWPK". The table says what is in the pack
without an index.
"""

import struct
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import zstandard
from numpy.typing import NDArray

from headwater.errors import CorruptArtifactError
from headwater.storage.artifacts.objects import Draft, Objects

PREFIX = "packs"
_MAGIC = b"HWPK"
_FOOT = struct.Struct("<III4s")
_LEVEL = 3

ROW = np.dtype(
    [
        ("hash", "V32"),
        ("length", "<u4"),
        ("offset", "<u8"),
        ("stored", "<u4"),
        ("base", "V32"),  # hash of the chunk that it is a difference to; zeros: none
    ]
)
NO_BASE = bytes(32)


@dataclass(frozen=True, slots=True)
class PackedChunk:
    """A chunk in a pack."""

    hash: bytes
    length: int
    offset: int
    stored: int
    base: bytes = NO_BASE


INLINE_BYTES = 32 * 1024
"""What is not more is kept by the manifest of the file: it is one object, not two."""


class PackWriter:
    """Takes encoded chunks; `publish` makes them an object. One thread at a time."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self.name = _new_name()
        self.size = 0
        self.chunks: list[PackedChunk] = []
        self._parts: list[bytes] = []
        """As long as they may be kept by a manifest."""

        self._draft: Draft | None = None

    def add(self, digest: bytes, length: int, encoded: bytes, base: bytes = NO_BASE) -> PackedChunk:
        """Take a chunk and return where it will be. Raises ArtifactStoreError."""
        chunk = PackedChunk(digest, length, self.size, len(encoded), base)
        self.chunks.append(chunk)
        self._parts.append(encoded)
        self.size += len(encoded)
        if self.size > INLINE_BYTES:
            self._write_parts()
        return chunk

    def content(self) -> bytes:
        """Return the encoded chunks, one after another, of no more than `INLINE_BYTES`."""
        return b"".join(self._parts)

    def publish(self) -> None:
        """Store the pack. Raises ArtifactStoreError."""
        table = encode_table(self.chunks)
        foot = _FOOT.pack(len(table), zlib.crc32(table), len(self.chunks), _MAGIC)
        self._parts += (table, foot)
        self._write_parts().publish()

    def _write_parts(self) -> Draft:
        if self._draft is None:
            self._draft = self._objects.draft(object_name(self.name))
        for part in self._parts:
            self._draft.write(part)
        self._parts = []
        return self._draft


def object_name(pack: str) -> str:
    """Return the name of the object that holds a pack."""
    return f"{PREFIX}/{pack[:2]}/{pack}"


def pack_of(name: str) -> str:
    """Return the pack that an object holds."""
    return name.rpartition("/")[2]


def encode_table(chunks: Sequence[PackedChunk]) -> bytes:
    """Return the table of a pack's chunks."""
    rows = np.array([(c.hash, c.length, c.offset, c.stored, c.base) for c in chunks], dtype=ROW)
    return zstandard.compress(rows.tobytes(), _LEVEL)


def read_table(objects: Objects, name: str, size: int) -> NDArray[np.void]:
    """Return the rows of the pack in an object of that size.

    Raises:
        CorruptArtifactError: it is no whole pack.
        MissingObjectError: it is not there.
    """
    foot = objects.get(name, max(0, size - _FOOT.size))
    try:
        length, checksum, count, magic = _FOOT.unpack(foot)
        if magic != _MAGIC or length > size - _FOOT.size:
            raise CorruptArtifactError(f"{name} is no pack")
        table = objects.get(name, size - _FOOT.size - length, length)
        if zlib.crc32(table) != checksum:
            raise CorruptArtifactError(f"the table of the pack {name} is damaged")
        return np.frombuffer(zstandard.decompress(table), ROW, count)
    except (struct.error, zstandard.ZstdError, ValueError) as error:
        raise CorruptArtifactError(f"{name} cannot be read as a pack: {error}") from error


def _new_name() -> str:
    return uuid.uuid4().hex
