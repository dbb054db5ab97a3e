"""Reading a sampled metric history, as MLflow's UI does for every chart."""

from collections.abc import Sequence

import msgspec

from benchmarks.client import Connection, time_in_turn
from benchmarks.history import interval_request, written_history
from benchmarks.read_back import decode_history, require_equal
from benchmarks.summary import Figure
from benchmarks.trial import Trial

_SAMPLES = 320
_MOST_REQUESTS = 200


class GetMetricHistoryBulkInterval(Trial):
    """320 samples of one long history."""

    figures = (
        Figure(
            "get_metric_history_bulk_interval",
            "320 samples of 100k points",
            "ms",
            "lower",
            floor=60,
        ),
    )

    def prepare(self) -> None:
        """Write the history and find the pace that sizes the rounds."""
        self._history = written_history(self.server, self.scale.history_points)
        self._request = interval_request(self._history, _SAMPLES)
        self._count = 2
        (milliseconds,) = self.run()
        self._count = min(_MOST_REQUESTS, self.requests_for_round(milliseconds / 1000))

    def run(self) -> Sequence[float]:
        """Return milliseconds per request."""
        seconds = time_in_turn(self.server.address, [self._request] * self._count)
        return [1000 * seconds / self._count]

    def answer(self) -> object:
        """Return which points come first and last.

        In between, MLflow takes every n-th point and Headwater the extremes: all must have been
        written, be about as many as asked for, and hold, of Headwater, the least and the greatest.
        """
        with Connection(self.server.address) as connection:
            points = decode_history(connection.fetch(self._request))
        written = set(self._history.points)
        require_equal([], [point for point in points if point not in written], "unknown points")
        if not self.server.contender.stock:
            for end in (min, max):
                extreme = end(point.value for point in written)
                require_equal(extreme, end(point.value for point in points), "an extreme")
        require_equal(True, 0.9 * _SAMPLES < len(points) <= _SAMPLES, "a number of points")
        return msgspec.to_builtins([points[0], points[-1]])
