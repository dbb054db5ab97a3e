"""1000-point batches from one writer."""

from collections.abc import Sequence

from benchmarks.client import Connection, time_in_turn
from benchmarks.points import PointSource
from benchmarks.points import log_batch as encode_log_batch
from benchmarks.read_back import create_run, verify_points
from benchmarks.summary import Figure
from benchmarks.trial import Trial

_POINTS = 1000
_KEYS = 10


class LogBatch(Trial):
    """Every batch holds 100 steps of 10 metrics; each round writes a run of its own."""

    figures = (
        Figure(
            "log_batch",
            "1000-point batches, 1 writer",
            "points/s",
            "higher",
            floor=85,
            peer_floor=25,
            postgres_floor=1 / 3,
        ),
    )

    def prepare(self) -> None:
        """Find the pace that sizes the rounds."""
        self.requests = 3
        (pace,) = self.run()
        self.requests = self.requests_for_round(_POINTS / pace, _POINTS)

    def run(self) -> Sequence[float]:
        """Return points per second."""
        with Connection(self.server.address) as connection:
            run_id = create_run(connection)
        source = PointSource(self.requests, _KEYS)
        batches = [source.take(_POINTS) for _ in range(self.requests)]
        requests = [encode_log_batch(run_id, batch) for batch in batches]
        seconds = time_in_turn(self.server.address, requests)
        verify_points(self.server.address, run_id, (point for batch in batches for point in batch))
        return [self.requests * _POINTS / seconds]
