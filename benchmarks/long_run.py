"""One run of 10,000,000 points."""

from array import array
from collections.abc import Sequence

from benchmarks.client import Connection, time_in_turn
from benchmarks.points import PointSource
from benchmarks.points import log_batch as encode_log_batch
from benchmarks.read_back import (
    create_run,
    decode_history,
    history_request,
    require_equal,
    verify_latest,
)
from benchmarks.summary import Figure
from benchmarks.trial import Trial

_POINTS = 1000
_KEYS = 10
_BURST = 50
"""Batches that are encoded, then sent, before the next ones are encoded."""


class LongRun(Trial):
    """Batches of 100 steps of 10 metrics, all into one run.

    Ends after all points, or after so much time that a slow server has shown its pace.
    """

    figures = (Figure("long_run", "1 run x 10,000,000 points", "points/s", "higher"),)
    rounds = 1

    def run(self) -> Sequence[float]:
        """Return points per second; requests are encoded off the clock, a burst at a time."""
        with Connection(self.server.address) as connection:
            run_id = create_run(connection)
        source = PointSource(seed=6, keys=_KEYS)
        values = array("d")  # of the first metric: all points would take gigabytes
        written, seconds = 0, 0.0
        self._paces: list[float] = []
        while written < self.scale.long_run_points and seconds < self.most_seconds():
            batches = [source.take(_POINTS) for _ in range(_BURST if self._paces else 1)]
            requests = [encode_log_batch(run_id, batch) for batch in batches]
            spent = time_in_turn(self.server.address, requests)
            seconds += spent
            written += len(batches) * _POINTS
            self._paces.append(len(batches) * _POINTS / spent)
            values.extend(point.value for batch in batches for point in batch[::_KEYS])
        self._written = written
        verify_latest(self.server.address, run_id, batches[-1][-_KEYS:])
        with Connection(self.server.address) as connection:
            history = decode_history(connection.fetch(history_request(run_id, source.keys[0])))
        found = array("d", (point.value for point in history))
        require_equal(list(range(len(values))), [point.step for point in history], "steps")
        require_equal(values, found, "values of a long history")
        return [written / seconds]

    def note(self) -> str | None:
        """Return how many points the pace comes from, and how it changed on the way."""
        fifth = max(1, len(self._paces) // 5)
        first, last = (sum(paces) / fifth for paces in (self._paces[:fifth], self._paces[-fifth:]))
        return (
            f"{self._written:,} of {self.scale.long_run_points:,} points; "
            f"{first:,.0f} points/s at first, {last:,.0f} at last"
        )
