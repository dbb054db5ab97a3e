"""The bytes of an envelope: where the extremes of every few hundred points of a chunk lie.

A chart takes them in place of the chunk. Layout, little-endian::

    u32  CRC-32 of everything after it
    u8   version (1)
    u32  points of the chunk
    u16  points of a piece; the last piece may have fewer. m pieces in all
    integer column of 4 m: lowest steps, highest steps, steps of the minima, of the maxima
    integer column of 4 m: first timestamps, last timestamps, those of the minima, of the maxima
    float column of 2 m: minima, maxima

Columns are those of `headwater.wire.metric_columns`. A piece without any number has its first
point, a NaN, as minimum and maximum.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.entities.metric import Float64s, Int64s, Series
from headwater.errors import CorruptBlockError
from headwater.storage.metrics.merge import concatenated
from headwater.wire.metric_columns import (
    decode_floats,
    decode_integers,
    encode_floats,
    encode_integers,
)

_VERSION = 1
_CHECKSUM = struct.Struct("<I")
_HEAD = struct.Struct("<BIH")

PIECE = 512
"""Points. Larger pieces make a chart coarser where it has few of them, smaller ones cost space:
some 40 bytes each."""

WORTHWHILE_POINTS = 4_096
"""A chunk with fewer is as quick to read as its envelope."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """Runs of successive points of one series; all columns have the same length."""

    counts: NDArray[np.int64]
    lowest_steps: Int64s
    highest_steps: Int64s
    first_timestamps: Int64s
    last_timestamps: Int64s
    minima: Series
    """For each piece a point with its least value; a NaN where it holds nothing else."""

    maxima: Series

    def __len__(self) -> int:
        return len(self.counts)

    def take(self, at: "NDArray[np.intp] | NDArray[np.bool_]") -> "Pieces":
        """Return the pieces at the given positions, or those that a mask marks."""
        return Pieces(
            self.counts[at],
            self.lowest_steps[at],
            self.highest_steps[at],
            self.first_timestamps[at],
            self.last_timestamps[at],
            self.minima.take(at),
            self.maxima.take(at),
        )


def joined(several: Sequence[Pieces]) -> Pieces:
    """Return the pieces of one after those of another."""
    return Pieces(
        np.concatenate([pieces.counts for pieces in several]),
        np.concatenate([pieces.lowest_steps for pieces in several]),
        np.concatenate([pieces.highest_steps for pieces in several]),
        np.concatenate([pieces.first_timestamps for pieces in several]),
        np.concatenate([pieces.last_timestamps for pieces in several]),
        concatenated([pieces.minima for pieces in several]),
        concatenated([pieces.maxima for pieces in several]),
    )


def pieces_of(series: Series, size: int = PIECE) -> Pieces:
    """Cut at least one point, in the order of a chunk, into pieces of a size."""
    starts = np.arange(0, len(series), size)
    nan = np.isnan(series.values)
    steps = _rows(series.steps, size)
    last = np.append(starts[1:], len(series)) - 1
    return Pieces(
        last - starts + 1,
        steps.min(axis=1),
        steps.max(axis=1),
        series.timestamps[starts],
        series.timestamps[last],
        series.take(starts + _rows(np.where(nan, np.inf, series.values), size).argmin(axis=1)),
        series.take(starts + _rows(np.where(nan, -np.inf, series.values), size).argmax(axis=1)),
    )


def encode(series: Series) -> bytes:
    """Pack the envelope of a chunk."""
    pieces = pieces_of(series)
    minima, maxima = pieces.minima, pieces.maxima
    steps = (pieces.lowest_steps, pieces.highest_steps, minima.steps, maxima.steps)
    times = (
        pieces.first_timestamps,
        pieces.last_timestamps,
        minima.timestamps,
        maxima.timestamps,
    )
    content = b"".join(
        (
            _HEAD.pack(_VERSION, len(series), PIECE),
            encode_integers(np.concatenate(steps)),
            encode_integers(np.concatenate(times)),
            encode_floats(np.concatenate((minima.values, maxima.values))),
        )
    )
    return _CHECKSUM.pack(zlib.crc32(content)) + content


def decode(payload: bytes) -> Pieces:
    """Unpack an envelope.

    Raises:
        CorruptBlockError: the bytes are not what `encode` returned.
    """
    try:
        if _CHECKSUM.unpack_from(payload)[0] != zlib.crc32(memoryview(payload)[4:]):
            raise CorruptBlockError("the envelope of a metric chunk fails its checksum")
        version, points, size = _HEAD.unpack_from(payload, _CHECKSUM.size)
        if version != _VERSION:
            raise CorruptBlockError(f"an envelope has the unknown version {version}")
        count = -(-points // size)
        steps, at = decode_integers(payload, _CHECKSUM.size + _HEAD.size, 4 * count)
        times, at = decode_integers(payload, at, 4 * count)
        values, at = decode_floats(payload, at, 2 * count)
    except (struct.error, IndexError, KeyError, ValueError, ZeroDivisionError) as error:
        raise CorruptBlockError(f"an envelope cannot be read: {error}") from error
    if at != len(payload):
        raise CorruptBlockError("an envelope has bytes to spare")
    return _pieces(points, size, steps.reshape(4, count), times.reshape(4, count), values)


def _pieces(points: int, size: int, steps: Int64s, times: Int64s, values: Float64s) -> Pieces:
    count = steps.shape[1]
    counts = np.full(count, size, np.int64)
    counts[-1] = points - size * (count - 1)
    return Pieces(
        counts,
        steps[0],
        steps[1],
        times[0],
        times[1],
        Series(steps[2], times[2], values[:count]),
        Series(steps[3], times[3], values[count:]),
    )


def _rows(column: "NDArray[np.int64] | NDArray[np.float64]", size: int) -> NDArray[np.generic]:
    """Return a column as rows of a size; the last repeats its last number."""
    missing = -len(column) % size
    if missing:
        column = np.append(column, np.repeat(column[-1], missing))
    return column.reshape(-1, size)
