"""A long metric history, written once per server and shared by the verbs that read it."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

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


_written: dict[Path, History] = {}


def written_history(server: Server, points: int) -> History:
    """Return the server's history, writing and verifying it on the first call."""
    if server.database not in _written:
        _written[server.database] = _write(server, points)
    return _written[server.database]


def _write(server: Server, count: int) -> History:
    source = PointSource(seed=1, keys=1)
    before = _size(server.database)
    points: list[Point] = []
    with Connection(server.address) as connection:
        run_id = create_run(connection)
        while len(points) < count:
            batch = source.take(_BATCH)
            connection.fetch(log_batch(run_id, batch))
            points += batch
    verify_points(server.address, run_id, points)
    return History(run_id, source.keys[0], points, _size(server.database) - before)


def _size(database: Path) -> int:
    """Return the database's size with its write-ahead log written back."""
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return sum(path.stat().st_size for path in database.parent.glob(f"{database.name}*"))


def interval_request(history: History, samples: int) -> bytes:
    """Return the request with which MLflow's UI draws a chart of one run."""
    query = f"run_ids={history.run_id}&metric_key={history.key}&max_results={samples}"
    return encode("GET", f"/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?{query}")
