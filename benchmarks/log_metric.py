"""Single log-metric requests from one writer."""

from collections.abc import Sequence

from benchmarks.client import Connection, time_in_turn
from benchmarks.points import PointSource
from benchmarks.points import log_metric as encode_log_metric
from benchmarks.read_back import create_run, verify_points
from benchmarks.summary import Figure
from benchmarks.trial import Trial


class LogMetric(Trial):
    """A training loop that logs two metrics per step, one request each."""

    figures = (
        Figure(
            "log_metric",
            "single log-metric, 1 writer",
            "ms",
            "lower",
            floor=25,
            peer_floor=2.5,
        ),
    )

    def prepare(self) -> None:
        """Find the pace that sizes the rounds."""
        self._count = 10
        (milliseconds,) = self.run()
        self._count = self.requests_for_round(milliseconds / 1000) // 2 * 2

    def run(self) -> Sequence[float]:
        """Return milliseconds per request."""
        with Connection(self.server.address) as connection:
            run_id = create_run(connection)
        points = PointSource(self._count, keys=2).take(self._count)
        requests = [encode_log_metric(run_id, point) for point in points]
        seconds = time_in_turn(self.server.address, requests)
        verify_points(self.server.address, run_id, points)
        return [1000 * seconds / self._count]
