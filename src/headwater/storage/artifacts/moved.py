"""Where the chunks of a pack are since it was packed anew.

Manifests are never rewritten, which could undo what somebody else stores meanwhile: they go on
naming the old pack, and what is missing of it is looked up here.

Layout, little-endian: "HWMV"; u32 CRC-32 of the rest; the rest, compressed with zstd: u32 length of
the JSON list of the new packs, the list, the rows.
"""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from headwater.errors import CorruptArtifactError, MissingObjectError
from headwater.storage.artifacts.index import Place
from headwater.storage.artifacts.objects import Objects

PREFIX = "moved"
_MAGIC = b"HWMV"
_HEAD = struct.Struct("<4sI")
_LEVEL = 3

ROW = np.dtype(
    [
        ("offset", "<u8"),  # in the old pack
        ("pack", "<u4"),  # number of the new one
        ("to", "<u8"),  # in the new pack
    ]
)


@dataclass(frozen=True)
class Moved:
    """Where some chunks of one pack are now."""

    packs: tuple[str, ...]
    rows: NDArray[np.void]
    """Of `ROW`, in the order of the offsets."""

    def find(self, offset: int) -> tuple[str, int] | None:
        """Return pack and offset of the chunk that was at an offset; None: it was left."""
        number = int(np.searchsorted(self.rows["offset"], offset))
        if number == len(self.rows) or self.rows["offset"][number] != offset:
            return None
        return self.packs[self.rows["pack"][number]], int(self.rows["to"][number])

    def followed(self, places: Iterable[tuple[bytes, Place]]) -> list[tuple[bytes, Place]]:
        """Return where chunks of the old pack are now, those that have moved."""
        found = []
        for digest, place in places:
            now = self.find(place.offset)
            if now is not None:
                found.append((digest, replace(place, pack=now[0], offset=now[1])))
        return found

    def covers(self, offsets: NDArray[np.uint64]) -> bool:
        """Say whether the chunks at all of these offsets have moved."""
        return bool(np.isin(offsets, self.rows["offset"]).all())


def object_name(pack: str) -> str:
    """Return the name of the object that tells where the chunks of a pack are."""
    return f"{PREFIX}/{pack}"


def encode_moved(moved: Moved) -> bytes:
    """Return the bytes of the object."""
    described = msgspec.json.encode(list(moved.packs))
    content = struct.pack("<I", len(described)) + described + moved.rows.tobytes()
    rest = zstandard.compress(content, _LEVEL)
    return _HEAD.pack(_MAGIC, zlib.crc32(rest)) + rest


def decode_moved(content: bytes) -> Moved:
    """Return what the object tells.

    Raises:
        CorruptArtifactError: it is none, or it is damaged.
    """
    try:
        magic, checksum = _HEAD.unpack_from(content)
        rest = content[_HEAD.size :]
        if magic != _MAGIC or zlib.crc32(rest) != checksum:
            raise CorruptArtifactError("what tells where a pack's chunks are is damaged")
        body = zstandard.decompress(rest)
        (size,) = struct.unpack_from("<I", body)
        packs = msgspec.json.decode(body[4 : 4 + size], type=tuple[str, ...])
        rows = np.frombuffer(body, ROW, offset=4 + size)
    except (struct.error, ValueError, zstandard.ZstdError, msgspec.DecodeError) as error:
        raise CorruptArtifactError(f"where a pack's chunks are cannot be read: {error}") from error
    return Moved(packs, rows)


def read_moved(objects: Objects, pack: str) -> Moved | None:
    """Return where the chunks of a pack are, None where it was not packed anew.

    Raises:
        CorruptArtifactError: what tells so is damaged.
    """
    try:
        return decode_moved(objects.get(object_name(pack)))
    except MissingObjectError:
        return None
