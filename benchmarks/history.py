"""A long metric history, written once per server and shared by the verbs that read it."""

from dataclasses import dataclass

from benchmarks.client import Connection, encode
from benchmarks.points import Point, PointSource, log_batch
from benchmarks.read_back import create_run, verify_points
from benchmarks.servers import Server

_BATCH = 1000


@dataclass(frozen=True)
class History:
    """What was written and what it cost."""

    run_id: str
    key: str
    points: list[Point]
    bytes_on_disk: int


_written: dict[str, History] = {}


def written_history(server: Server, points: int) -> History:
    """Return the server's history, writing and verifying it on the first call."""
    uri = server.database.uri
    if uri not in _written:
        _written[uri] = _write(server, points)
    return _written[uri]


def _write(server: Server, count: int) -> History:
    source = PointSource(seed=1, keys=1)
    before = server.database.size()
    points: list[Point] = []
    with Connection(server.address) as connection:
        run_id = create_run(connection)
        while len(points) < count:
            batch = source.take(_BATCH)
            connection.fetch(log_batch(run_id, batch))
            points += batch
    verify_points(server.address, run_id, points)
    return History(run_id, source.keys[0], points, server.database.size() - before)


def interval_request(history: History, samples: int) -> bytes:
    """Return the request with which MLflow's UI draws a chart of one run."""
    query = f"run_ids={history.run_id}&metric_key={history.key}&max_results={samples}"
    return encode("GET", f"/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?{query}")
