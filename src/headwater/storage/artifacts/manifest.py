"""The manifest of a file: which chunks it is made of, and where they are.

Layout, little-endian::

    4 bytes  "HWAM"
    u8       version (1)
    3 bytes  zero
    u64      bytes of the file
    32 bytes BLAKE3 of the file
    u64      milliseconds since the epoch when it was stored
    u32      CRC-32 of the rest
    the rest, compressed with zstd: the JSON of the tables' sizes, then the tables

Who lists files reads the first 64 bytes only.
"""

import struct
import zlib
from dataclasses import dataclass, field

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from headwater.errors import CorruptArtifactError
from headwater.wire.artifact_file import recipe_of

MAGIC = b"HWAM"
VERSION = 1
_HEAD = struct.Struct("<4sB3xQ32sQI")
HEAD_BYTES = _HEAD.size
HASH_BYTES = 32
_LEVEL = 3

ROW = np.dtype(
    [
        ("length", "<u4"),  # bytes of the chunk
        ("pack", "<i4"),  # number of its pack in the table; -1: in the manifest
        ("offset", "<u8"),  # where its encoded bytes begin there
        ("stored", "<u4"),  # how many they are
        ("base", "<i4"),  # number of what it is a difference to, among the bases; -1: none
        ("hash", "V32"),  # BLAKE3 of the chunk
    ]
)
"""A chunk, or one that others are differences to, which may be a difference itself."""


class TensorEntry(msgspec.Struct, frozen=True, array_like=True):
    """A tensor of the file."""

    name: str
    start: int
    size: int


class _Tables(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the rest of a manifest holds beside its rows."""

    chunks: int
    bases: int
    inline: int
    """Bytes of chunks that are in the manifest itself."""

    packs: list[str] = []
    tensors: list[TensorEntry] = []
    position: int = 0


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a file without its chunks."""

    size: int
    digest: bytes
    """BLAKE3 of the whole."""

    stored_at: int
    """Milliseconds since the epoch."""


@dataclass(frozen=True)
class Manifest:
    """A stored file."""

    head: Head
    chunks: NDArray[np.void]
    """Of `ROW`, in the order of the file."""

    bases: NDArray[np.void]
    """Of `ROW`: what chunks, and each other, are differences to."""

    packs: tuple[str, ...]
    inline: bytes = b""
    tensors: tuple[TensorEntry, ...] = ()
    position: int = 0
    """In a line of versions that differ from each other: 0 for the first one. See `levels_up`."""

    starts: NDArray[np.int64] = field(init=False)
    """Where each chunk begins in the file, and last where the file ends."""

    @property
    def recipe(self) -> bytes:
        """Return what it has in common with files of the same chunks; see `recipe_of`."""
        return recipe_of(self.chunks["hash"].tobytes(), self.chunks["length"])

    def chain(self, number: int) -> list[np.void]:
        """Return the rows of a chunk, of what it is a difference to, and so on."""
        rows = [self.chunks[number]]
        while rows[-1]["base"] >= 0:
            rows.append(self.bases[rows[-1]["base"]])
        return rows

    def __post_init__(self) -> None:
        lengths = self.chunks["length"].astype(np.int64)
        starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
        object.__setattr__(self, "starts", starts)


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the bytes of a manifest."""
    tables = _Tables(
        len(manifest.chunks),
        len(manifest.bases),
        len(manifest.inline),
        list(manifest.packs),
        list(manifest.tensors),
        manifest.position,
    )
    described = msgspec.json.encode(tables)
    content = b"".join(
        (
            struct.pack("<I", len(described)),
            described,
            manifest.chunks.tobytes(),
            manifest.bases.tobytes(),
            manifest.inline,
        )
    )
    rest = zstandard.compress(content, _LEVEL)
    head = manifest.head
    packed = _HEAD.pack(MAGIC, VERSION, head.size, head.digest, head.stored_at, zlib.crc32(rest))
    return packed + rest


def decode_head(content: bytes) -> Head:
    """Return the head of a manifest's first bytes.

    Raises:
        CorruptArtifactError: it is no manifest, or of another version.
    """
    return _decode_head(content)[0]


def decode_manifest(content: bytes) -> Manifest:
    """Return the manifest.

    Raises:
        CorruptArtifactError: it is none, or it is damaged.
    """
    head, checksum = _decode_head(content)
    rest = content[HEAD_BYTES:]
    if zlib.crc32(rest) != checksum:
        raise CorruptArtifactError("a manifest does not have its checksum")
    try:
        body = zstandard.decompress(rest)
        (size,) = struct.unpack_from("<I", body)
        at = 4 + size
        tables = msgspec.json.decode(body[4:at], type=_Tables)
        chunks = np.frombuffer(body, ROW, tables.chunks, at)
        at += chunks.nbytes
        bases = np.frombuffer(body, ROW, tables.bases, at)
        at += bases.nbytes
        inline = body[at : at + tables.inline]
    except (struct.error, ValueError, zstandard.ZstdError, msgspec.DecodeError) as error:
        raise CorruptArtifactError(f"a manifest cannot be read: {error}") from error
    packs, tensors = tuple(tables.packs), tuple(tables.tensors)
    return Manifest(head, chunks, bases, packs, inline, tensors, tables.position)


def _decode_head(content: bytes) -> tuple[Head, int]:
    try:
        magic, version, size, digest, stored_at, checksum = _HEAD.unpack_from(content)
    except struct.error as error:
        raise CorruptArtifactError(f"a manifest is cut off: {error}") from error
    if magic != MAGIC or version != VERSION:
        raise CorruptArtifactError("a file of the manifests is none, or of an unknown version")
    return Head(size, digest, stored_at), checksum
