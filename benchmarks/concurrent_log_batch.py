"""100-point batches from eight writers at once."""

from collections.abc import Sequence

from benchmarks.client import Connection, time_side_by_side
from benchmarks.points import PointSource
from benchmarks.points import log_batch as encode_log_batch
from benchmarks.read_back import create_run, verify_points
from benchmarks.summary import Figure
from benchmarks.trial import Trial

_WRITERS = 8
_POINTS = 100
_KEYS = 10


class ConcurrentLogBatch(Trial):
    """Every writer has a connection and a run of its own; a batch is 10 steps of 10 metrics."""

    figures = (
        Figure(
            "concurrent_log_batch",
            "100-point batches, 8 writers",
            "points/s",
            "higher",
            floor=40,
            peer_floor=15,
        ),
    )

    def prepare(self) -> None:
        """Find the pace that sizes the rounds."""
        self._count = 3
        (pace,) = self.run()
        self._count = self.requests_for_round(_WRITERS * _POINTS / pace, _WRITERS * _POINTS)

    def run(self) -> Sequence[float]:
        """Return points per second over all writers."""
        with Connection(self.server.address) as connection:
            run_ids = [create_run(connection) for _ in range(_WRITERS)]
        written = [
            PointSource(writer, _KEYS).take(self._count * _POINTS) for writer in range(_WRITERS)
        ]
        writers = [
            [
                encode_log_batch(run_id, points[start : start + _POINTS])
                for start in range(0, len(points), _POINTS)
            ]
            for run_id, points in zip(run_ids, written, strict=True)
        ]
        seconds = time_side_by_side(self.server.address, writers)
        for run_id, points in zip(run_ids, written, strict=True):
            verify_points(self.server.address, run_id, points)
        return [_WRITERS * self._count * _POINTS / seconds]
