"""Decides into which chunks new points of a series go: pure, apart from reading what it must.

Chunks of a series do not overlap in (timestamp, step). A point goes into the chunk whose range it
falls in or precedes; points after all chunks make a new one. Small chunks at the end are merged
into it by doubling, so that a point is rewritten a logarithmic number of times however small the
pieces are in which a series grows.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from headwater.entities.metric import Series
from headwater.storage.metrics.merge import concatenated, united
from headwater.storage.metrics.summary import Summary, combined, summarise

LARGEST_CHUNK = 65_536
"""Points; more only where so many share one (timestamp, step)."""

Position = tuple[int, int]
"""(timestamp, step)."""


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk as its row describes it, without the points."""

    chunk_id: int
    points: int
    last: Position


@dataclass(frozen=True, slots=True)
class SeriesPlan:
    """What one compaction does to the chunks of one series."""

    removed: Sequence[int]
    """Ids of the chunks that the added ones replace."""

    added: Sequence[Series]
    summary: Summary
    """Of all chunks afterwards."""


def plan_series(
    chunks: Sequence[StoredChunk],
    summary: Summary | None,
    new: Series,
    load: Callable[[int], Series],
) -> SeriesPlan:
    """Place new points, sorted and free of duplicates, among the chunks of their series.

    `chunks` are in order: at least those that end at or after the first new point, and the last
    ones before it. `summary` is None for a series without chunks. `load` reads a chunk by its id;
    one at a time is held.

    Raises:
        CorruptBlockError: a chunk that must be rewritten cannot be read.
    """
    removed: list[int] = []
    added: list[Series] = []
    fresh: list[Series] = []
    rest = new
    for chunk in chunks:
        if (count := _count_up_to(rest, chunk.last)) == 0:
            continue
        both, unknown = united(load(chunk.chunk_id), rest.take(slice(count)))
        rest = rest.take(slice(count, None))
        if len(unknown):
            removed.append(chunk.chunk_id)
            added += split(both)
            fresh.append(unknown)
    if len(rest):
        fresh.append(rest)
        tail, absorbed = _with_small_ends(chunks, set(removed), rest, load)
        removed += absorbed
        added += split(tail)
    return SeriesPlan(removed, added, _summary(summary, fresh))


def split(series: Series) -> list[Series]:
    """Cut a series into even pieces of at most `LARGEST_CHUNK` points.

    No cut separates points of one (timestamp, step).
    """
    pieces = -(-len(series) // LARGEST_CHUNK)
    cuts = [0]
    for piece in range(1, pieces):
        cut = _next_position(series, max(len(series) * piece // pieces, cuts[-1]))
        if cuts[-1] < cut < len(series):
            cuts.append(cut)
    cuts.append(len(series))
    return [series.take(slice(*pair)) for pair in itertools.pairwise(cuts)]


def _count_up_to(series: Series, last: Position) -> int:
    """Count the points at or before a position."""
    timestamp, step = last
    low = int(np.searchsorted(series.timestamps, timestamp, "left"))
    high = int(np.searchsorted(series.timestamps, timestamp, "right"))
    return low + int(np.searchsorted(series.steps[low:high], step, "right"))


def _next_position(series: Series, cut: int) -> int:
    """Move a cut to where the next (timestamp, step) begins."""
    return _count_up_to(series, (int(series.timestamps[cut - 1]), int(series.steps[cut - 1])))


def _with_small_ends(
    chunks: Sequence[StoredChunk],
    taken: set[int],
    rest: Series,
    load: Callable[[int], Series],
) -> tuple[Series, list[int]]:
    """Put the last chunks before points that follow all of them, as long as they are small."""
    absorbed: list[int] = []
    for chunk in reversed(chunks):
        small = chunk.points <= 2 * len(rest) and chunk.points + len(rest) <= LARGEST_CHUNK
        if chunk.chunk_id in taken or not small:
            break
        rest = concatenated((load(chunk.chunk_id), rest))
        absorbed.append(chunk.chunk_id)
    return rest, absorbed


def _summary(summary: Summary | None, fresh: Sequence[Series]) -> Summary:
    for series in fresh:
        found = summarise(series)
        summary = found if summary is None else combined(summary, found)
    assert summary is not None, "a series without chunks got no points"
    return summary
