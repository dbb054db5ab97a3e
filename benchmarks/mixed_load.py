"""Writing while charts are read."""

from collections.abc import Sequence
from statistics import quantiles

from benchmarks.beside_readers import Beside, time_beside_readers
from benchmarks.client import Connection
from benchmarks.history import interval_request, written_history
from benchmarks.points import Point, PointSource, log_batch, log_metric
from benchmarks.read_back import create_run, history_request, verify_points
from benchmarks.summary import Figure
from benchmarks.trial import Trial

_READERS = 4
_SAMPLES = 320
_POINTS = 1000
_KEYS = 10
_MOST_BATCHES = 400


class MixedLoad(Trial):
    """Four readers draw a chart of 100,000 points again and again; one writer logs meanwhile.

    A server without sampled histories has its readers ask for a whole history of as many points as
    a chart shows, which is less work than sampling a long one.
    """

    figures = (
        Figure("mixed_load", "log-metric beside 4 chart readers, p50", "ms", "lower"),
        Figure("mixed_load", "log-metric beside 4 chart readers, p99", "ms", "lower"),
        Figure("mixed_load", "1000-point batch beside 4 chart readers, p50", "ms", "lower"),
        Figure("mixed_load", "1000-point batch beside 4 chart readers, p99", "ms", "lower"),
        Figure("mixed_load", "charts that the 4 readers drew", "charts/s", "higher"),
    )
    rounds = 2

    def prepare(self) -> None:
        """Write the history that is read."""
        self._read = self._chart()
        self._answers: list[int] = []
        self._turned_away = 0

    def run(self) -> Sequence[float]:
        """Return percentiles of the writes' latencies in milliseconds, and charts per second."""
        singles = PointSource(seed=7, keys=2).take(self.scale.most_requests)
        batches = PointSource(seed=8, keys=_KEYS)
        one = self._time([[point] for point in singles])
        many = self._time([batches.take(_POINTS) for _ in range(_MOST_BATCHES)])
        charts = (one.reads + many.reads) / (one.seconds + many.seconds)
        self._answers += [len(one.latencies), len(many.latencies)]
        self._turned_away += one.turned_away + many.turned_away
        return [*_percentiles(one), *_percentiles(many), charts]

    def note(self) -> str | None:
        """Return how many latencies the percentiles come from, and what did not work at once."""
        note = f"percentiles of {', '.join(map(str, self._answers))} writes"
        return f"{note}, {self._turned_away} answers of 503" if self._turned_away else note

    def _time(self, writes: Sequence[Sequence[Point]]) -> Beside:
        address = self.server.address
        with Connection(address) as connection:
            run_id = create_run(connection)
        requests = [
            log_metric(run_id, points[0]) if len(points) == 1 else log_batch(run_id, points)
            for points in writes
        ]
        reads = [self._read] * _READERS
        result = time_beside_readers(address, requests, reads, self.scale.mixed_seconds)
        written = writes[: len(result.latencies)]
        verify_points(address, run_id, (point for points in written for point in points))
        return result

    def _chart(self) -> bytes:
        if "get_metric_history_bulk_interval" not in self.server.contender.lacks:
            return interval_request(
                written_history(self.server, self.scale.history_points), _SAMPLES
            )
        points = PointSource(seed=9, keys=1).take(_SAMPLES)
        with Connection(self.server.address) as connection:
            run_id = create_run(connection)
            connection.fetch(log_batch(run_id, points))
        return history_request(run_id, points[0].key)


def _percentiles(result: Beside) -> list[float]:
    """Return the median and the 99th percentile, in milliseconds."""
    if len(result.latencies) == 1:
        return [1000 * result.latencies[0]] * 2
    cuts = quantiles(result.latencies, n=100, method="inclusive")
    return [1000 * cuts[49], 1000 * cuts[98]]
