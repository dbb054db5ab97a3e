"""Headwater's pace while millions of points are stored already: flat curves are wanted."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.client import encode, time_in_turn
from benchmarks.contenders import Contender
from benchmarks.curves import Curve
from benchmarks.fill import KEYS, PREFIX, Filled, fill
from benchmarks.log_batch import LogBatch
from benchmarks.log_metric import LogMetric
from benchmarks.metric_series import series_request
from benchmarks.points import API, PointSource, log_batch
from benchmarks.read_back import history_request
from benchmarks.servers import Server
from benchmarks.storage import SqliteDatabase
from benchmarks.summary import Figure
from benchmarks.trial import Scale

KEPT = Figure(
    "stored_points",
    "batches with most points stored, of the rate with least",
    "%",
    "higher",
    bound=90,
)

_BATCHES = "1000-point batches into a new run"
_MOST_READS = 100
_READ_SECONDS = 0.5
_MOST_ROUNDS = 3
_BATCH = 1000
_UNITS = {
    _BATCHES: "points/s",
    "1000-point batches into the run with half of the points": "points/s",
    "single log-metric into a new run": "ms",
    "history of 100k points": "ms",
    "320 samples of 100k points (bulk-interval)": "ms",
    "chart of 100k points (metrics/series)": "ms",
    "chart of the longest series (metrics/series)": "ms",
}


class StoredPoints:
    """One server for each amount; each round goes through all of them, in another order."""

    def __init__(self, contender: Contender, directory: Path, template: str, scale: Scale) -> None:
        self._contender = contender
        self._directory = directory
        self._template = template
        self._scale = scale

    def measure(self) -> tuple[list[Curve], list[float]]:
        """Return the curves, and the percentage that is kept of the ingest rate, by rounds."""
        samples: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        with ExitStack() as stack:
            levels = [self._level(stack, points) for points in self._scale.stored_points]
            for number in range(min(_MOST_ROUNDS, self._scale.rounds)):
                shift = number % len(levels)
                for level in [*levels[shift:], *levels[:shift]]:
                    for label, value in level.run().items():
                        samples[label][level.filled.points].append(value)
        curves = [Curve(label, unit, samples[label]) for label, unit in _UNITS.items()]
        least, most = (samples[_BATCHES][points] for points in _ends(self._scale.stored_points))
        return curves, [100 * one / other for one, other in zip(most, least, strict=True)]

    def _level(self, stack: ExitStack, points: int) -> "_Level":
        directory = self._directory / f"stored-{points}"
        server = Server(self._contender, directory, self._template)
        with server:
            server.wait_for(f"{API}/experiments/get?experiment_id=0")  # Headwater's tables are made
        assert isinstance(server.database, SqliteDatabase)
        filled = asyncio.run(fill(server.database.path, points))
        stack.enter_context(server)
        server.settle()
        return _Level(server, filled, self._scale)


class _Level:
    """One server over its filled database."""

    def __init__(self, server: Server, filled: Filled, scale: Scale) -> None:
        self._server = server
        self.filled = filled
        self._batches = LogBatch(server, scale)
        self._singles = LogMetric(server, scale)
        self._batches.prepare()
        self._singles.prepare()
        self._more = PointSource(10, KEYS, prefix=PREFIX, first_step=filled.long_steps)
        key = filled.keys[0]
        self._reads = {
            "history of 100k points": history_request(filled.read_run, key),
            "320 samples of 100k points (bulk-interval)": _sampled(filled.read_run, key),
            "chart of 100k points (metrics/series)": series_request([filled.read_run], [key], 500),
            "chart of the longest series (metrics/series)": series_request(
                [filled.long_run], [key], 500
            ),
        }

    def run(self) -> Mapping[str, float]:
        """Measure one round of everything, reads first: the writes leave work behind."""
        self._server.settle(0.5)
        found = {label: self._time_reads(request) for label, request in self._reads.items()}
        (found["single log-metric into a new run"],) = self._singles.run()
        (found[_BATCHES],) = self._batches.run()
        self._server.settle(0.5)
        found["1000-point batches into the run with half of the points"] = self._append()
        self._server.settle(0.5)
        return found

    def _time_reads(self, request: bytes) -> float:
        """Return milliseconds per request, of as many as take about half a second."""
        once = time_in_turn(self._server.address, [request])
        count = max(1, min(_MOST_READS, int(_READ_SECONDS / once)))
        return 1000 * time_in_turn(self._server.address, [request] * count) / count

    def _append(self) -> float:
        batches = [self._more.take(_BATCH) for _ in range(self._batches.requests)]
        requests = [log_batch(self.filled.long_run, batch) for batch in batches]
        return len(batches) * _BATCH / time_in_turn(self._server.address, requests)


def _sampled(run_id: str, key: str) -> bytes:
    query = f"run_ids={run_id}&metric_key={key}&max_results=320"
    return encode("GET", f"/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?{query}")


def _ends(levels: Sequence[int]) -> tuple[int, int]:
    return min(levels), max(levels)
