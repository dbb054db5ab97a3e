"""Which runs have grown enough, or are done growing, for their blocks to be compacted."""

from dataclasses import dataclass

_POINTS = 262_144
_BLOCKS = 4_096
"""A run with more than either is compacted while it is being written: what a read has to merge
stays bounded."""

_WORTHWHILE_BLOCKS = 32
"""A run with fewer is small enough as it is."""

_IDLE_SECONDS = 60.0


@dataclass(slots=True)
class _Growth:
    blocks: int
    points: int
    last: float
    ended: bool = False


class Activity:
    """What one process has logged since its last compactions.

    Counts may be too high, after a transaction that failed: a compaction then finds less to do.
    """

    def __init__(self) -> None:
        self._growth: dict[str, _Growth] = {}

    def logged(self, run_id: str, blocks: int, points: int, now: float) -> None:
        """Note blocks of a run; `now` in seconds of a monotonic clock."""
        growth = self._growth.get(run_id)
        if growth is None:
            self._growth[run_id] = _Growth(blocks, points, now)
            return
        growth.blocks += blocks
        growth.points += points
        growth.last = now

    def ended(self, run_id: str) -> None:
        """Note that a run is not expected to grow any more."""
        if (growth := self._growth.get(run_id)) is not None:
            growth.ended = True

    def take_due(self, now: float) -> str | None:
        """Return a run to compact now and forget its growth, or None; those at rest go first."""
        at_rest = [
            run_id
            for run_id, growth in list(self._growth.items())
            if growth.ended or now - growth.last >= _IDLE_SECONDS
        ]
        for run_id in at_rest:
            if self._growth.pop(run_id).blocks >= _WORTHWHILE_BLOCKS:
                return run_id
        for run_id, growth in list(self._growth.items()):
            if growth.points >= _POINTS or growth.blocks >= _BLOCKS:
                del self._growth[run_id]
                return run_id
        return None
