"""Many metrics of many runs for a chart, extremes kept: Headwater's own endpoint."""

from collections.abc import Iterable, Sequence
from urllib.parse import urlencode

import msgspec

from benchmarks.client import Connection, encode, time_in_turn
from benchmarks.history import written_history
from benchmarks.points import Point, PointSource, log_batch
from benchmarks.read_back import create_run, require_equal
from benchmarks.summary import Figure
from benchmarks.trial import Trial

_RUNS = 10
_KEYS = 2
_POINTS = 10_000
"""Of each of the ten runs' metrics."""

_WANTED = 500
_MOST_REQUESTS = 200
_BATCH = 1000


class _Series(msgspec.Struct):
    run_id: str
    key: str
    total: int
    values: list[float | None]


class _Chart(msgspec.Struct):
    series: list[_Series]


class MetricSeries(Trial):
    """A chart of one long series, and one that compares 20 series of 10 runs."""

    figures = (
        Figure("metric_series", "metrics/series: 1 of 100k points", "ms", "lower"),
        Figure("metric_series", "metrics/series: 20 of 10k points", "ms", "lower"),
    )
    ours_only = True

    def prepare(self) -> None:
        """Write what is read and find the pace that sizes the rounds."""
        history = written_history(self.server, self.scale.history_points)
        points = [PointSource(seed, _KEYS).take(_KEYS * _POINTS) for seed in range(_RUNS)]
        with Connection(self.server.address) as connection:
            runs = {create_run(connection): each for each in points}
            for run_id, each in runs.items():
                for start in range(0, len(each), _BATCH):
                    connection.fetch(log_batch(run_id, each[start : start + _BATCH]))
        self._written = [{history.run_id: history.points}, runs]
        keys = PointSource(0, _KEYS).keys
        self._requests = [
            series_request([history.run_id], [history.key], _WANTED),
            series_request(list(runs), keys, _WANTED),
        ]
        self._verify()
        self._counts = [2, 2]
        self._counts = [
            min(_MOST_REQUESTS, self.requests_for_round(milliseconds / 1000))
            for milliseconds in self.run()
        ]

    def run(self) -> Sequence[float]:
        """Return milliseconds per chart."""
        return [
            1000 * time_in_turn(self.server.address, [request] * count) / count
            for request, count in zip(self._requests, self._counts, strict=True)
        ]

    def _verify(self) -> None:
        """Raise unless every series is there, with all points counted and its extremes drawn."""
        for request, written in zip(self._requests, self._written, strict=True):
            with Connection(self.server.address) as connection:
                chart = msgspec.json.decode(connection.fetch(request), type=_Chart)
            found = {(s.run_id, s.key): (s.total, *_ends(s.values)) for s in chart.series}
            require_equal(_expected(written), found, "series of a chart")


def series_request(run_ids: Sequence[str], keys: Sequence[str], points: int) -> bytes:
    """Return a request for a chart."""
    query = [*(("run_id", run) for run in run_ids), *(("key", key) for key in keys)]
    parameters = urlencode([*query, ("points", points)])
    return encode("GET", f"/api/2.0/headwater/metrics/series?{parameters}")


def _expected(written: dict[str, list[Point]]) -> dict[tuple[str, str], tuple[object, ...]]:
    expected: dict[tuple[str, str], tuple[object, ...]] = {}
    for run_id, points in written.items():
        for key in {point.key for point in points}:
            values = [point.value for point in points if point.key == key]
            expected[run_id, key] = (len(values), *_ends(values))
    return expected


def _ends(values: Iterable[float | None]) -> tuple[float, float]:
    numbers = [value for value in values if value is not None]
    return min(numbers), max(numbers)
