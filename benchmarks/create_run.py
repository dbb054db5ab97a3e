"""Creating a run with 20 metrics and 20 params."""

import time
from collections.abc import Sequence
from typing import Any

import msgspec

from benchmarks.client import Connection, encode
from benchmarks.points import API, PointSource
from benchmarks.read_back import require_equal
from benchmarks.run_requests import ENTRIES, RunRequests, run_id_in
from benchmarks.summary import Figure
from benchmarks.trial import Trial

_MOST_RUNS = 500


class CreateRun(Trial):
    """A run created by the stock client: create, then its entries in one batch or one by one."""

    figures = (
        Figure("create_run", "create-run + 20 + 20 in one batch", "ms", "lower", floor=15),
        Figure("create_run", "create-run + 20 + 20 one by one", "ms", "lower", floor=15),
    )

    def prepare(self) -> None:
        """Find the pace that sizes the rounds."""
        self._counts = [2, 2]
        self._counts = [
            min(_MOST_RUNS, self.requests_for_round(milliseconds / 1000))
            for milliseconds in self.run()
        ]

    def run(self) -> Sequence[float]:
        """Return milliseconds per run, batched and one by one."""
        return [
            self._time(self._counts[0], one_by_one=False),
            self._time(self._counts[1], one_by_one=True),
        ]

    def _time(self, count: int, *, one_by_one: bool) -> float:
        source = PointSource(count, ENTRIES)
        runs = [RunRequests(number, source.take(ENTRIES)) for number in range(count)]
        run_ids: list[bytes] = []
        with Connection(self.server.address) as connection:
            connection.fetch(encode("GET", "/health"))
            started = time.perf_counter()
            for run in runs:
                run_id = run_id_in(connection.fetch(run.create))
                run_ids.append(run_id)
                if one_by_one:
                    for request in run.singles(run_id):
                        connection.fetch(request)
                else:
                    connection.fetch(run.batch(run_id))
            seconds = time.perf_counter() - started
        self._verify(run_ids, runs)
        return 1000 * seconds / count

    def _verify(self, run_ids: Sequence[bytes], runs: Sequence[RunRequests]) -> None:
        with Connection(self.server.address) as connection:
            for run_id, written in zip(run_ids, runs, strict=True):
                request = encode("GET", f"{API}/runs/get?run_id={run_id.decode()}")
                answer: dict[str, Any] = msgspec.json.decode(connection.fetch(request))
                data = answer["run"]["data"]
                found = {metric["key"]: metric["value"] for metric in data["metrics"]}
                require_equal({p.key: p.value for p in written.points}, found, "metrics of a run")
                params = {param["key"]: param["value"] for param in data["params"]}
                require_equal(written.params, params, "params of a run")
