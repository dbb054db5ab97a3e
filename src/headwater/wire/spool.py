"""The bytes of a spool: what a client has logged and not yet sent, in files called segments.

A segment, little-endian::

    4 bytes  "HWSP"
    u8       version (1)
    3 bytes  zero
    u64      number of the segment, from 1
    u64      where its complete records end; moved on after every record
    8 bytes  zero
    records, then zeros

A record::

    u32  length n of what follows the checksum, at least 1
    u32  CRC-32 of it
    u8   kind
    n - 1 bytes

Kinds: a *shape* (u32 number, u8 length, run id in ASCII, u16 keys, for each u16 length, UTF-8) says
what later *rows* of the same segment hold: u32 number of the shape, i64 step, i64 milliseconds
since the epoch, one f64 for each key. A *block* (u8 length, run id, metric block) holds points
that were logged as arrays, an *operation* the JSON of `headwater.wire.operations`.
"""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from headwater.errors import CorruptSpoolError

MAGIC = b"HWSP"
VERSION = 1
SEGMENT_HEAD = struct.Struct("<4sB3xQQ8x")
END_AT = 16
"""Where a segment says how far its records are complete."""

RECORD_HEAD = struct.Struct("<II")
SHAPE, ROW, BLOCK, OPERATION = 1, 2, 3, 4

ROW_START = struct.Struct("<BIqq")
"""Kind, shape, step, timestamp; the values follow."""

_SHAPE_START = struct.Struct("<BIB")
_COUNT = struct.Struct("<H")
_BLOCK_START = struct.Struct("<BB")


@dataclass(frozen=True, slots=True)
class Shape:
    """Rows of one run that hold one value for each of the keys."""

    number: int
    run_id: str
    keys: tuple[str, ...]


def row_packer(keys: int) -> Callable[..., bytes]:
    """Return what packs (ROW, shape, step, timestamp, value…) of so many keys."""
    return struct.Struct(f"<BIqq{keys}d").pack


def record(body: bytes) -> bytes:
    """Return the record that holds a body, which begins with its kind."""
    return RECORD_HEAD.pack(len(body), zlib.crc32(body)) + body


def encode_shape(shape: Shape) -> bytes:
    """Return the body of a shape's record."""
    run_id = shape.run_id.encode("ascii")
    parts = [_SHAPE_START.pack(SHAPE, shape.number, len(run_id)), run_id]
    parts.append(_COUNT.pack(len(shape.keys)))
    for key in shape.keys:
        encoded = key.encode()
        parts += (_COUNT.pack(len(encoded)), encoded)
    return b"".join(parts)


def decode_shape(body: bytes) -> Shape:
    """Return the shape that a body holds; raises CorruptSpoolError if it holds none."""
    try:
        _, number, length = _SHAPE_START.unpack_from(body)
        at = _SHAPE_START.size + length
        run_id = body[_SHAPE_START.size : at].decode("ascii")
        (count,) = _COUNT.unpack_from(body, at)
        at += _COUNT.size
        keys = []
        for _ in range(count):
            (length,) = _COUNT.unpack_from(body, at)
            at += _COUNT.size
            keys.append(body[at : at + length].decode())
            at += length
    except (struct.error, UnicodeDecodeError) as error:
        raise CorruptSpoolError(f"a shape in a spool cannot be read: {error}") from error
    return Shape(number, run_id, tuple(keys))


def encode_block(run_id: str, block: bytes) -> bytes:
    """Return the body of the record that holds a metric block of a run."""
    name = run_id.encode("ascii")
    return _BLOCK_START.pack(BLOCK, len(name)) + name + block


def decode_block(body: bytes) -> tuple[str, bytes]:
    """Return run id and metric block; raises CorruptSpoolError if there are none."""
    try:
        end = _BLOCK_START.size + body[1]
        return body[_BLOCK_START.size : end].decode("ascii"), body[end:]
    except (IndexError, UnicodeDecodeError) as error:
        raise CorruptSpoolError(f"a block in a spool cannot be read: {error}") from error


def read_segment_head(content: bytes) -> tuple[int, int]:
    """Return a segment's number, and where its writer says that its complete records end.

    Raises:
        CorruptSpoolError: it is no segment, or of another version.
    """
    if len(content) < SEGMENT_HEAD.size or not content.startswith(MAGIC):
        raise CorruptSpoolError("the file is no segment of a spool")
    _, version, number, end = SEGMENT_HEAD.unpack_from(content)
    if version != VERSION:
        raise CorruptSpoolError(f"the segment has the unknown version {version}")
    return number, end


def intact_length(content: bytes) -> int:
    """Return the bytes of records, from the first on, that pass their checksums."""
    view = memoryview(content)
    at = 0
    while at + RECORD_HEAD.size < len(view):
        size, checksum = RECORD_HEAD.unpack_from(view, at)
        start = at + RECORD_HEAD.size
        if not size or start + size > len(view):
            break
        if zlib.crc32(view[start : start + size]) != checksum:
            break
        at = start + size
    return at
