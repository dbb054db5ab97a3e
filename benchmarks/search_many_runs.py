"""Searching 100,000 runs with 20 metrics, 20 params and 5 tags each, and Headwater 1,000,000."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from benchmarks.client import Connection, encode, time_in_turn
from benchmarks.contenders import Contender
from benchmarks.fill_runs import fill_runs
from benchmarks.points import API
from benchmarks.read_back import require_equal
from benchmarks.servers import Server
from benchmarks.storage import SqliteDatabase
from benchmarks.summary import Figure
from benchmarks.template import SEARCHED_EXPERIMENT
from headwater.storage.metadata.prepare import migrate

_SEARCHES: dict[str, dict[str, object]] = {
    "top 100 by a metric": {"max_results": 100, "order_by": ["metrics.`metric_3` DESC"]},
    "filtered by a param and a metric": {
        "filter": "params.param_1 = 'value 3' and metrics.metric_5 > 0.5",
        "max_results": 100,
    },
    "page of 1,000": {"max_results": 1000},
}
_MOST_REQUESTS = 50
_SECONDS = 1.0
_OWN_API = "/api/2.0/headwater"
_TABLE = {
    "attributes": ["run_id", "start_time"],
    "metrics": [f"metric_{number}" for number in range(4)],
    "params": [f"param_{number}" for number in range(3)],
    "tags": ["team"],
    "format": "arrow",
}
FIGURES = tuple(
    Figure("search_many_runs", f"search {label}, 100,000 runs", "ms", "lower", 20, 3)
    for label in _SEARCHES
)
BOUNDED = tuple(
    Figure("search_many_runs", f"Headwater alone, {label}", "ms", "lower", bound=15)
    for label in list(_SEARCHES)[:2]
)
TABLE = Figure("search_many_runs", "100,000 runs x 10 columns in Arrow", "ms", "lower", bound=2000)
GROWTH = tuple(
    Figure("search_many_runs", f"{label}, 1,000,000 runs to 100,000", "x", "lower", bound=3)
    for label in list(_SEARCHES)[:2]
)

Found = list[tuple[Figure, str, float]]
"""(figure, contender, value) of each round."""


def measure_search_many_runs(
    contenders: Sequence[Contender],
    directory: Path,
    templates: Mapping[str, str],
    sizes: Sequence[int],
    rounds: int,
) -> Found:
    """Measure all contenders at the first size, and Headwater at the last as well.

    One after the other: the databases are large. Templates hold the experiment and no run.
    """
    directory.mkdir()
    found: Found = []
    few, many = sizes[0], sizes[-1]
    expected: list[list[str]] | None = None
    for contender in contenders:
        with _filled(contender, directory, templates[contender.template], few) as server:
            run_ids = _run_ids(server)
            expected = run_ids if expected is None else expected
            require_equal(expected, run_ids, f"runs that {contender.name} found")
            for _ in range(rounds):
                times = [_time(server, search) for search in _SEARCHES.values()]
                found += [(f, contender.name, t) for f, t in zip(FIGURES, times, strict=True)]
                if contender.ours:
                    found += [(f, contender.name, t) for f, t in zip(BOUNDED, times, strict=False)]
                    found.append((TABLE, contender.name, _time_table(server)))
    for contender in contenders:
        if contender.ours and many > few:
            base = _medians(found, contender.name)
            with _filled(contender, directory, templates[contender.template], many) as server:
                for _ in range(rounds):
                    for figure, search, before in zip(
                        GROWTH, _SEARCHES.values(), base, strict=False
                    ):
                        found.append((figure, contender.name, _time(server, search) / before))
    return found


def _medians(found: Found, name: str) -> list[float]:
    def median(figure: Figure) -> float:
        values = sorted(value for f, who, value in found if f is figure and who == name)
        return values[len(values) // 2]

    return [median(figure) for figure in BOUNDED]


@contextmanager
def _filled(contender: Contender, directory: Path, template: str, runs: int) -> Iterator[Server]:
    """Yield a server over a copy of its template, filled."""
    server = Server(contender, directory / f"{len(list(directory.iterdir()))}-{runs}", template)
    assert isinstance(server.database, SqliteDatabase)
    fill_runs(server.database.path, runs, int(SEARCHED_EXPERIMENT))
    if contender.ours:  # of a million runs it takes minutes, for which no server is waited
        migrate(server.database.path)
    with server:
        server.wait_for(f"{API}/experiments/get?experiment_id=0")
        server.settle()
        yield server


def _time(server: Server, search: dict[str, object]) -> float:
    """Return milliseconds per request, of as many as take about a second."""
    request = _request(search)
    once = min(time_in_turn(server.address, [request]) for _ in range(2))
    count = max(1, min(_MOST_REQUESTS, int(_SECONDS / once)))
    return 1000 * time_in_turn(server.address, [request] * count) / count


def _time_table(server: Server) -> float:
    body = msgspec.json.encode({"experiment_ids": [SEARCHED_EXPERIMENT], **_TABLE})
    return 1000 * time_in_turn(server.address, [encode("POST", f"{_OWN_API}/runs/search", body)])


def _run_ids(server: Server) -> list[list[str]]:
    """Return which runs the searches find; all have as many in them."""
    with Connection(server.address) as connection:
        pages = [
            msgspec.json.decode(connection.fetch(_request(search))).get("runs", [])
            for search in _SEARCHES.values()
        ]
    return [[run["info"]["run_id"] for run in page] for page in pages]


def _request(search: dict[str, object]) -> bytes:
    body = {"experiment_ids": [SEARCHED_EXPERIMENT], "run_view_type": "ACTIVE_ONLY", **search}
    return encode("POST", f"{API}/runs/search", msgspec.json.encode(body))
