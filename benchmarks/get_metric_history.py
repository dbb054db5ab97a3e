"""Reading a whole metric history."""

import time
from collections.abc import Sequence

from benchmarks.client import Connection, encode
from benchmarks.history import written_history
from benchmarks.read_back import decode_history, history_request, require_equal
from benchmarks.summary import Figure
from benchmarks.trial import Trial


class GetMetricHistory(Trial):
    """One request for all points of one metric, as the stock client sends it."""

    figures = (
        Figure("get_metric_history", "100k-point history", "ms", "lower", floor=60, peer_floor=12),
    )

    def prepare(self) -> None:
        """Write the history and read it once."""
        self._history = written_history(self.server, self.scale.history_points)
        self._request = history_request(self._history.run_id, self._history.key)
        self.run()

    def run(self) -> Sequence[float]:
        """Return milliseconds until the last byte of the answer."""
        with Connection(self.server.address) as connection:
            connection.fetch(encode("GET", "/health"))
            started = time.perf_counter()
            body = connection.fetch(self._request)
            seconds = time.perf_counter() - started
        require_equal(self._history.points, decode_history(body), "metric history")
        return [1000 * seconds]
