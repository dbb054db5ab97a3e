"""10,000 short runs, one after the other, as a sweep leaves them."""

import time
from collections.abc import Sequence

import msgspec

from benchmarks.client import Connection, encode
from benchmarks.points import API, PointSource
from benchmarks.points import log_batch as encode_log_batch
from benchmarks.read_back import WRITTEN_EXPERIMENT, verify_latest, verify_points
from benchmarks.run_requests import run_id_in
from benchmarks.summary import Figure
from benchmarks.trial import Trial

_POINTS = 100
_KEYS = 10
_RUN_ID_PLACE = "0" * 32
_READ_BACK_EVERY = 50


class ManyRuns(Trial):
    """A run is created, then gets one batch of 100 points: 10 steps of 10 metrics.

    Ends after all runs, or after so much time that a slow server has shown its pace.
    """

    figures = (Figure("many_runs", "10,000 runs x 100 points", "points/s", "higher"),)
    rounds = 1

    def run(self) -> Sequence[float]:
        """Return points per second, the creation of the runs included."""
        points = PointSource(seed=5, keys=_KEYS).take(_POINTS)
        batch = encode_log_batch(_RUN_ID_PLACE, points).split(_RUN_ID_PLACE.encode())
        creations = [_creation(number) for number in range(self.scale.most_runs)]
        run_ids: list[str] = []
        seconds = 0.0
        with Connection(self.server.address) as connection:
            connection.fetch(encode("GET", "/health"))
            started = time.perf_counter()
            for create in creations:
                created = run_id_in(connection.fetch(create))
                connection.fetch(created.join(batch))
                run_ids.append(created.decode())
                seconds = time.perf_counter() - started
                if seconds > self.most_seconds():
                    break
        self._written = len(run_ids)
        for run_id in run_ids:
            verify_latest(self.server.address, run_id, points[-_KEYS:])
        for run_id in run_ids[::_READ_BACK_EVERY]:
            verify_points(self.server.address, run_id, points)
        return [self._written * _POINTS / seconds]

    def note(self) -> str | None:
        """Return how many runs the pace comes from."""
        return f"{self._written:,} runs of {self.scale.most_runs:,}"


def _creation(number: int) -> bytes:
    body = {"experiment_id": WRITTEN_EXPERIMENT, "start_time": 1_700_000_000_000 + number}
    return encode("POST", f"{API}/runs/create", msgspec.json.encode(body))
