"""How much of a spool the server has.

One file of two slots that are written in turn, so that what stood there before survives a write
that is cut off. A slot, little-endian: u64 number of the change, u64 sequence of the last frame
that was built, u8 whether the server has it, the positions where that frame begins and ends (u32
segment, u64 offset each), u32 CRC-32 of all that.
"""

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from headwater.client.spool.directory import Position
from headwater.wire.spool import SEGMENT_HEAD

_SLOT = struct.Struct("<QQBIQIQ")
_CHECKSUM = struct.Struct("<I")
_SLOT_BYTES = 64
_FILE = "progress"

START = Position(1, SEGMENT_HEAD.size)
"""Where every spool begins."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The frame that was built last: its range of the spool, and whether the server has it."""

    change: int = 0
    sequence: int = 0
    stored: bool = True
    start: Position = START
    end: Position = START

    @property
    def sent(self) -> Position:
        """Return up to where the server has the spool."""
        return self.end if self.stored else self.start


class ProgressFile:
    """Reads and writes the progress of one spool; only its sender writes."""

    def __init__(self, directory: Path, *, writable: bool = False) -> None:
        self._path = directory / _FILE
        flags = os.O_RDWR | os.O_CREAT if writable else os.O_RDONLY
        self._descriptor = os.open(self._path, flags, 0o600)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def read(self) -> Progress:
        """Return what was written last."""
        slots = [_decode(os.pread(self._descriptor, _SLOT_BYTES, at)) for at in (0, _SLOT_BYTES)]
        return max(slots, key=lambda progress: progress.change)

    def write(self, progress: Progress, *, durably: bool) -> None:
        """Write what follows on `read`'s answer; `durably` brings it to the disk."""
        packed = _SLOT.pack(
            progress.change, progress.sequence, progress.stored, *progress.start, *progress.end
        )
        slot = (packed + _CHECKSUM.pack(zlib.crc32(packed))).ljust(_SLOT_BYTES, b"\0")
        os.pwrite(self._descriptor, slot, progress.change % 2 * _SLOT_BYTES)
        if durably:
            os.fdatasync(self._descriptor)


def _decode(slot: bytes) -> Progress:
    end = _SLOT.size + _CHECKSUM.size
    if len(slot) < end or _CHECKSUM.unpack_from(slot, _SLOT.size)[0] != zlib.crc32(
        slot[: _SLOT.size]
    ):
        return Progress()
    change, sequence, stored, *places = _SLOT.unpack_from(slot)
    return Progress(change, sequence, bool(stored), Position(*places[:2]), Position(*places[2:]))
