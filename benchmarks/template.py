"""The database that all contenders start from, made once per run by stock MLflow."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from benchmarks.client import Connection, encode
from benchmarks.points import API, PointSource
from benchmarks.read_back import WRITTEN_EXPERIMENT, require_equal
from benchmarks.run_requests import ENTRIES, RunRequests, run_id_in
from benchmarks.servers import Contender, Server

SEARCHED_EXPERIMENT = "1"
"""The experiment that holds the runs to search."""


def make_template(stock: Contender, directory: Path, runs: int) -> Path:
    """Return a database with `runs` runs of 20 metrics and 20 params, written by `stock`."""
    template = directory / "template.db"
    with Server(stock, directory / "template", template=None) as server:
        with Connection(server.address) as connection:
            _seed(connection, runs)
        database = server.database
    with closing(sqlite3.connect(database)) as checkpointing:
        checkpointing.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copyfile(database, template)
    return template


def _seed(connection: Connection, runs: int) -> None:
    for name, expected in (("searched", SEARCHED_EXPERIMENT), ("written", WRITTEN_EXPERIMENT)):
        body = msgspec.json.encode({"name": name})
        answer = connection.fetch(encode("POST", f"{API}/experiments/create", body))
        require_equal(expected, msgspec.json.decode(answer)["experiment_id"], f"id of {name}")
    source = PointSource(seed=2, keys=ENTRIES)
    for number in range(runs):
        run = RunRequests(number, source.take(ENTRIES), SEARCHED_EXPERIMENT)
        run_id = run_id_in(connection.fetch(run.create))
        connection.fetch(run.batch(run_id))
