"""The messages of headwater/metrics/ingest: frames of points and operations, checksummed.

Layout of a frame, little-endian::

    4 bytes  "HWMI"
    u8       version (1, or 2 where there are operations)
    u32      CRC-32 of everything from here to the first block
    16 bytes client id
    u64      sequence, from 1
    u32      batches m
    u32      length of the operations; in version 2 only
    m times  u8 length, run id in ASCII, u32 length of its block
    operations, as `headwater.wire.operations` encodes them; in version 2 only
    m blocks, one after another

A block is laid out as `headwater.wire.metric_block` says, and has a checksum of its own.
"""

import struct
import uuid
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs

import msgspec
import zstandard

from headwater.entities.metric import Points
from headwater.errors import CorruptBlockError, InvalidParameterError
from headwater.wire import metric_block
from headwater.wire.operations import Operation, decode_operations, encode_operations

CONTENT_TYPE = "application/vnd.headwater.metrics"
MOST_BATCHES = 10_000
MOST_POINTS = 1_048_576
MOST_OPERATIONS = 10_000
LARGEST_OPERATIONS = 4 * 1024 * 1024
"""Bytes of the operations of a frame."""

LARGEST_FRAME = 64 * 1024 * 1024
"""Bytes, once decompressed."""

_MAGIC = b"HWMI"
_VERSION, _VERSION_WITH_OPERATIONS = 1, 2
_START = struct.Struct("<4sBI")
_HEAD = struct.Struct("<16sQI")
_LENGTH = struct.Struct("<I")
_UUID = 32


@dataclass(frozen=True, slots=True)
class Batch:
    """Points of one run, and the block that holds them."""

    run_id: str
    points: Points
    block: bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """What a client sends at once: the `sequence`-th of its frames."""

    client_id: str
    """32 hexadecimal digits."""

    sequence: int
    batches: Sequence[Batch]
    operations: Sequence[Operation] = ()


class Refused(msgspec.Struct, frozen=True, omit_defaults=True):
    """A batch or operation of which nothing was stored, whatever else of the frame was."""

    run_id: str
    error_code: str
    message: str
    operation: int | None = None
    """Its position among the frame's operations; None for a batch."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of a frame."""

    sequence: int
    """The last frame of the client that is stored."""

    duplicate: bool
    """The frame was stored before; nothing was stored now."""

    points: int
    """Points that were stored now."""

    refused: Sequence[Refused]


class _Position(msgspec.Struct):
    client_id: str
    sequence: int


def encode_frame(
    client_id: str,
    sequence: int,
    batches: Sequence[tuple[str, Points]],
    operations: Sequence[Operation] = (),
) -> bytes:
    """Return a frame of points by run id; the values must be storable (see `Points`)."""
    blocks = [metric_block.encode(points) for _, points in batches]
    stated = encode_operations(operations)
    version = _VERSION_WITH_OPERATIONS if stated else _VERSION
    table = [_HEAD.pack(bytes.fromhex(client_id), sequence, len(batches))]
    if stated:
        table.append(_LENGTH.pack(len(stated)))
    for (run_id, _), block in zip(batches, blocks, strict=True):
        name = run_id.encode("ascii")
        table += (bytes((len(name),)), name, _LENGTH.pack(len(block)))
    head = b"".join((*table, stated))
    return b"".join((_START.pack(_MAGIC, version, zlib.crc32(head)), head, *blocks))


def decode_frame(body: bytes, encoding: str = "") -> Frame:
    """Decode a request body, of the content encoding "" or "zstd".

    Raises:
        InvalidParameterError: it is no frame, is damaged, or is beyond a limit.
    """
    content = _decompressed(body, encoding)
    try:
        return _decode(content)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise InvalidParameterError("The frame is cut off") from error


def encode_ingested(result: Ingested) -> bytes:
    """Encode the answer to a frame."""
    return msgspec.json.encode(result)


def decode_position_request(query: bytes) -> str:
    """Return the client id that a query asks the position of.

    Raises:
        InvalidParameterError: there is none, or it is no UUID.
    """
    given = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    if set(given) != {"client_id"} or len(given["client_id"]) != 1:
        raise InvalidParameterError("Give the parameter 'client_id', once and alone")
    try:
        return uuid.UUID(given["client_id"][0]).hex
    except ValueError as error:
        raise InvalidParameterError("Invalid value for parameter 'client_id': no UUID") from error


def encode_position(client_id: str, sequence: int) -> bytes:
    """Encode the sequence of the last frame of a client that is stored; 0 where there is none."""
    return msgspec.json.encode(_Position(client_id, sequence))


def _decompressed(body: bytes, encoding: str) -> bytes:
    if encoding in ("", "identity"):
        return body
    if encoding != "zstd":
        raise InvalidParameterError(
            f"Content-Encoding {encoding!r} is not known; send frames as they are, or with zstd"
        )
    try:
        # As a stream, because a frame may claim any size for itself.
        with zstandard.ZstdDecompressor().stream_reader(body) as reader:
            content: bytes = reader.read(LARGEST_FRAME + 1)
    except zstandard.ZstdError as error:
        raise InvalidParameterError(f"The body is not zstd: {error}") from error
    if len(content) > LARGEST_FRAME:
        raise InvalidParameterError(f"The frame has more than {LARGEST_FRAME:,} bytes; split it")
    return content


def _decode(content: bytes) -> Frame:
    magic, version, checksum = _START.unpack_from(content)
    if magic != _MAGIC:
        raise InvalidParameterError("The body is no frame of metric points")
    if version not in (_VERSION, _VERSION_WITH_OPERATIONS):
        raise InvalidParameterError(f"The frame has the unknown version {version}")
    client, sequence, count = _HEAD.unpack_from(content, _START.size)
    if count > MOST_BATCHES:
        raise InvalidParameterError(f"The frame has more than {MOST_BATCHES:,} batches; split it")
    at = _START.size + _HEAD.size
    length = 0
    if version == _VERSION_WITH_OPERATIONS:
        (length,) = _LENGTH.unpack_from(content, at)
        at += _LENGTH.size
        if length > LARGEST_OPERATIONS:
            raise InvalidParameterError(
                f"The frame has more than {LARGEST_OPERATIONS:,} bytes of operations; split it"
            )
    table, begin = _table(content, at, count)
    at = begin + length
    if zlib.crc32(memoryview(content)[_START.size : at]) != checksum:
        raise InvalidParameterError("The frame fails its checksum; send it again")
    if at + sum(length for _, length in table) != len(content):
        raise InvalidParameterError("The frame has another length than its blocks")
    if not 1 <= sequence < 1 << 63:
        raise InvalidParameterError(f"Sequence {sequence} is not between 1 and 2^63 - 1")
    operations = decode_operations(content[begin:at])
    if len(operations) > MOST_OPERATIONS:
        raise InvalidParameterError(
            f"The frame has more than {MOST_OPERATIONS:,} operations; split it"
        )
    return Frame(client.hex(), sequence, list(_batches(content, table, at)), operations)


def _table(content: bytes, at: int, count: int) -> tuple[list[tuple[str, int]], int]:
    """Return (run id, length of its block) of each batch, and where the table ends."""
    table = []
    for _ in range(count):
        end = at + 1 + content[at]
        table.append((content[at + 1 : end].decode("ascii"), *_LENGTH.unpack_from(content, end)))
        at = end + _LENGTH.size
    return table, at


def _batches(content: bytes, table: Sequence[tuple[str, int]], at: int) -> Iterator[Batch]:
    total = 0
    for run_id, length in table:
        block = content[at : at + length]
        at += length
        try:
            total += metric_block.count(block)
            if total > MOST_POINTS:
                raise InvalidParameterError(
                    f"The frame has more than {MOST_POINTS:,} points; split it"
                )
            points = metric_block.decode(block)
        except CorruptBlockError as error:
            raise InvalidParameterError(f"Run {run_id}: {error}") from error
        if len(set(points.keys)) < len(points.keys):
            raise InvalidParameterError(f"Run {run_id}: a metric is named twice in one block")
        yield Batch(run_id, points, block)
