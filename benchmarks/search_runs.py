"""Searching 2,000 runs with 20 metrics and 20 params each."""

from collections.abc import Sequence
from typing import Any

import msgspec

from benchmarks.client import Connection, encode, time_in_turn
from benchmarks.points import API
from benchmarks.read_back import require_equal
from benchmarks.summary import Figure
from benchmarks.template import SEARCHED_EXPERIMENT
from benchmarks.trial import Trial

_SEARCHES: dict[str, dict[str, object]] = {
    "top 100 by a metric": {
        "max_results": 100,
        "order_by": ["metrics.`metric_3` DESC"],
    },
    "filtered by a param and a metric": {
        "filter": "params.param_3 = 'value 3' and metrics.metric_5 > 0.5",
        "max_results": 100,
    },
    "page of 1,000": {"max_results": 1000},
}
_MOST_REQUESTS = 100


class SearchRuns(Trial):
    """The three searches of a UI page, a sweep's query and an export."""

    figures = tuple(
        Figure("search_runs", f"search {label}", "ms", "lower", floor=15) for label in _SEARCHES
    )

    def prepare(self) -> None:
        """Find the pace that sizes the rounds."""
        self._requests = [_request(search) for search in _SEARCHES.values()]
        self._counts = [2 for _ in self._requests]
        self._counts = [
            min(_MOST_REQUESTS, self.requests_for_round(milliseconds / 1000))
            for milliseconds in self.run()
        ]

    def run(self) -> Sequence[float]:
        """Return milliseconds per request of each search."""
        return [
            1000 * time_in_turn(self.server.address, [request] * count) / count
            for request, count in zip(self._requests, self._counts, strict=True)
        ]

    def answer(self) -> object:
        """Return the runs each search found, entries sorted by key as their order is not fixed."""
        with Connection(self.server.address) as connection:
            pages = [
                msgspec.json.decode(connection.fetch(request)).get("runs", [])
                for request in self._requests
            ]
        seeded = self.scale.search_runs
        # One run in seven has the param, and the metric exceeds 0.5 in the first thousand.
        wanted = [min(100, seeded), min(100, -(-(min(1000, seeded) - 3) // 7)), min(1000, seeded)]
        require_equal(wanted, [len(page) for page in pages], "numbers of runs found")
        return [[_sorted_entries(run) for run in page] for page in pages]

    def portable(self, answer: object) -> object:
        """Return the metrics and params of the runs, in order."""
        assert isinstance(answer, list)
        return [
            [{kind: run["data"][kind] for kind in ("metrics", "params")} for run in page]
            for page in answer
        ]


def _request(search: dict[str, object]) -> bytes:
    body = {"experiment_ids": [SEARCHED_EXPERIMENT], "run_view_type": "ACTIVE_ONLY", **search}
    return encode("POST", f"{API}/runs/search", msgspec.json.encode(body))


def _sorted_entries(run: dict[str, Any]) -> dict[str, Any]:
    data = run.get("data", {})
    entries = {name: sorted(values, key=lambda v: str(v["key"])) for name, values in data.items()}
    return {**run, "data": entries}
