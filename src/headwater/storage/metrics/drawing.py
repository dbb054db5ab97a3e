"""Draws a chart from as few bytes of a long series as keep every spike.

Chunks that a bucket of the chart holds as a whole are drawn from their rows alone; of the others,
the envelopes are read; and a chunk itself only where it holds an end of the chart, where points
that are not in chunks might repeat its own, and where a piece of its envelope is still too coarse.
Pure, apart from reading what it must.

What is guaranteed of series that are read in pieces: every point belongs to one of the buckets, of
which there are `bucket_count`; the least and the greatest point of each are drawn, and the first
and the last of all. A bucket is an even part of the axis, except that runs of successive points
which lie across a cut and are at most half as wide as a bucket belong to the one where they begin.
On the ``row`` axis, positions of points that were not logged in the order of their steps are
approximate, too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from headwater.entities.drawing import Axis, Cut, Drawing
from headwater.entities.metric import Int64s, Series
from headwater.storage.metrics.downsample import (
    Buckets,
    between,
    bucket_count,
    downsample,
    extremes,
    least,
)
from headwater.storage.metrics.envelope import Pieces, joined
from headwater.storage.metrics.merge import by_step, concatenated, merged

READ_WHOLE = 131_072
"""Points. So few are as quick to read as to plan for."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Chunks:
    """Chunks of one series as their rows describe them, in order of (timestamp, step)."""

    ids: Int64s
    first_steps: Int64s
    last_steps: Int64s
    pieces: Pieces
    """Each chunk as one piece."""

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, mask: Mask) -> "Chunks":
        """Return the chunks that a mask marks."""
        return Chunks(
            self.ids[mask],
            self.first_steps[mask],
            self.last_steps[mask],
            self.pieces.take(mask),
        )


class Reader(Protocol):
    """Reads what lies behind the rows."""

    def chunks(self, ids: Sequence[int]) -> Iterable[Series]:
        """Yield the points of chunks, in the order given."""

    def envelopes(self, ids: Sequence[int]) -> Mapping[int, Pieces]:
        """Return the envelopes of those chunks that have a readable one."""


@dataclass(frozen=True, eq=False)
class _Kept:
    """Points that may be drawn, and the bucket of each."""

    points: Series
    buckets: NDArray[np.int64]


def draw(chunks: Chunks, loose: Series, cut: Cut, reader: Reader) -> Drawing:
    """Draw a series from its chunks that have points in the range, and those in no chunk.

    ``loose`` is sorted by (timestamp, step, value).
    """
    whole = _to_be_read_whole(chunks, loose, cut)
    read = merged([*reader.chunks(chunks.ids[whole].tolist()), loose])
    exact = _within(_in_order(read, cut.axis), cut)
    rest = chunks.take(~whole)
    total = len(exact) + int(rest.pieces.counts.sum())
    if len(rest) and total <= max(READ_WHOLE, cut.most):  # most of what was read is out of range
        exact = _in_order(merged([exact, *reader.chunks(rest.ids.tolist())]), cut.axis)
        rest = chunks.take(np.zeros(len(chunks), bool))
    if not len(rest):
        return Drawing(total, downsample(exact, _axis(exact, cut.axis), cut.most))
    ends = exact.take(np.array([0, len(exact) - 1])[-cut.most :])
    if (count := bucket_count(cut.most)) < 1:
        return Drawing(total, ends)
    kept = _drawn(exact, rest, Placing.of(exact, rest.pieces, cut.axis, count), reader)
    return Drawing(total, _in_order(merged([ends, _extremes(kept).points]), cut.axis))


def _to_be_read_whole(chunks: Chunks, loose: Series, cut: Cut) -> Mask:
    """Mark the chunks at the ends of the range, and those that loose points may repeat."""
    pieces = chunks.pieces
    if int(pieces.counts.sum()) <= max(READ_WHOLE, cut.most):
        return np.ones(len(chunks), bool)
    low, high = _spans(pieces, cut.axis)
    whole = np.zeros(len(chunks), bool)
    if cut.start is not None:
        whole |= low < cut.start
    if cut.end is not None:
        whole |= high > cut.end
    inner = np.flatnonzero(~whole)
    if len(inner):
        # Of equal positions the first and the last chunk: they are in the order of time.
        whole[inner[low[inner].argmin()]] = True
        whole[inner[len(inner) - 1 - high[inner][::-1].argmax()]] = True
    return whole | _touched(chunks, loose)


def _touched(chunks: Chunks, loose: Series) -> Mask:
    """Mark the chunks between whose first and last (timestamp, step) there are loose points."""
    times = loose.timestamps
    low = np.searchsorted(times, chunks.pieces.first_timestamps, "left")
    high = np.searchsorted(times, chunks.pieces.last_timestamps, "right")
    touched = high > low
    for at in np.flatnonzero(touched):
        here = slice(int(low[at]), int(high[at]))
        steps, of = loose.steps[here], times[here]
        after = (of > chunks.pieces.first_timestamps[at]) | (steps >= chunks.first_steps[at])
        before = (of < chunks.pieces.last_timestamps[at]) | (steps <= chunks.last_steps[at])
        touched[at] = bool((after & before).any())
    return touched


@dataclass(frozen=True, eq=False)
class Placing:
    """Where the points and pieces of one chart lie on its axis."""

    axis: Axis
    buckets: Buckets
    exact: Int64s
    """Position of each point that was read."""

    lowest: Int64s
    """First position of each chunk that was not."""

    highest: Int64s

    @classmethod
    def of(cls, exact: Series, pieces: Pieces, axis: Axis, count: int) -> "Placing":
        """Place points, in the order of the axis and with both of its ends, among pieces."""
        if axis != "row":
            of_points = _axis(exact, axis)
            buckets = Buckets.between(int(of_points[0]), int(of_points[-1]), count)
            return cls(axis, buckets, of_points, *_spans(pieces, axis))
        order = np.argsort(pieces.lowest_steps, kind="stable")
        before = np.concatenate(([0], np.cumsum(pieces.counts[order])))
        lowest = np.empty(len(pieces), np.int64)
        lowest[order] = before[:-1]
        lowest += np.searchsorted(exact.steps, pieces.lowest_steps, "right")
        pieces_before = np.searchsorted(pieces.lowest_steps[order], exact.steps, "left")
        of_points = np.arange(len(exact)) + before[pieces_before]
        buckets = Buckets.between(0, len(exact) + int(before[-1]) - 1, count)
        return cls(axis, buckets, of_points, lowest, lowest + pieces.counts - 1)

    def inside(self, chunks: NDArray[np.intp], parts: Pieces) -> tuple[Int64s, Int64s]:
        """Return the first and last position of parts, each of the chunk that is given for it."""
        if self.axis != "row":
            return _spans(parts, self.axis)
        order = np.lexsort((parts.lowest_steps, chunks))
        counts, of = parts.counts[order], chunks[order]
        before = np.cumsum(counts) - counts
        lowest = np.empty(len(parts), np.int64)
        lowest[order] = self.lowest[of] + before - before[np.searchsorted(of, of, "left")]
        return lowest, lowest + parts.counts - 1

    def of_points(self, chunk: int, points: Series) -> Int64s:
        """Return the position of each point of a chunk, which is in the order of the axis."""
        if self.axis != "row":
            return _axis(points, self.axis)
        return np.arange(self.lowest[chunk], self.lowest[chunk] + len(points))


def _drawn(exact: Series, rest: Chunks, placing: Placing, reader: Reader) -> _Kept:
    """Gather the extremes of everything, piece by piece."""
    buckets = placing.buckets
    held = buckets.hold(placing.lowest, placing.highest)
    kept = [
        _extremes(_Kept(exact, buckets.of(placing.exact))),
        *_of_pieces(rest.pieces.take(held), buckets.of(placing.lowest[held])),
    ]
    apart = np.flatnonzero(~held)
    envelopes = reader.envelopes(rest.ids[apart].tolist())
    found = np.array([int(chunk) in envelopes for chunk in rest.ids[apart]], bool)
    coarse = apart[~found]
    if len(enveloped := apart[found]):
        several = [envelopes[int(chunk)] for chunk in rest.ids[enveloped]]
        chunk_of = np.repeat(enveloped, [len(parts) for parts in several])
        parts = joined(several)
        lowest, highest = placing.inside(chunk_of, parts)
        too_wide = np.unique(chunk_of[~buckets.hold(lowest, highest)])
        coarse = np.union1d(coarse, too_wide)
        if len(too_wide):
            fine = ~np.isin(chunk_of, too_wide)
            parts, lowest = parts.take(fine), lowest[fine]
        kept += _of_pieces(parts, buckets.of(lowest))
    for chunk, series in zip(
        coarse.tolist(), reader.chunks(rest.ids[coarse].tolist()), strict=True
    ):
        points = _in_order(series, placing.axis)
        kept.append(_extremes(_Kept(points, buckets.of(placing.of_points(chunk, points)))))
    return _joined(kept)


def _of_pieces(pieces: Pieces, buckets: NDArray[np.int64]) -> list[_Kept]:
    if not len(pieces):
        return []
    order = _by_bucket(buckets)
    low = order[least(pieces.minima.values[order], buckets[order])]
    high = order[least(-pieces.maxima.values[order], buckets[order])]
    return [
        _Kept(pieces.minima.take(low), buckets[low]),
        _Kept(pieces.maxima.take(high), buckets[high]),
    ]


def _joined(several: Sequence[_Kept]) -> _Kept:
    """Put points together in the order of their buckets."""
    buckets = np.concatenate([kept.buckets for kept in several])
    order = _by_bucket(buckets)
    points = concatenated([kept.points for kept in several])
    return _Kept(points.take(order), buckets[order])


def _by_bucket(buckets: NDArray[np.int64]) -> NDArray[np.intp]:
    # 16 bits sort ten times as fast as 64.
    small = buckets.astype(np.uint16) if buckets.max() < 1 << 16 else buckets
    return np.argsort(small, kind="stable")


def _extremes(kept: _Kept) -> _Kept:
    at = extremes(kept.points.values, kept.buckets)
    return _Kept(kept.points.take(at), kept.buckets[at])


def _spans(pieces: Pieces, axis: Axis) -> tuple[Int64s, Int64s]:
    if axis == "time":
        return pieces.first_timestamps, pieces.last_timestamps
    return pieces.lowest_steps, pieces.highest_steps


def _axis(points: Series, axis: Axis) -> Int64s:
    if axis == "row":
        return np.arange(len(points))
    return points.timestamps if axis == "time" else points.steps


def _in_order(points: Series, axis: Axis) -> Series:
    return points if axis == "time" else by_step(points)


def _within(points: Series, cut: Cut) -> Series:
    axis = points.timestamps if cut.axis == "time" else points.steps
    return points.take(between(axis, cut.start, cut.end))
