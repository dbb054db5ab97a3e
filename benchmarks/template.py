"""The database that contenders start from, made once per run through the REST API."""

from pathlib import Path

import msgspec

from benchmarks.client import Connection, encode
from benchmarks.contenders import Contender
from benchmarks.points import API, PointSource
from benchmarks.read_back import WRITTEN_EXPERIMENT, require_equal
from benchmarks.run_requests import ENTRIES, RunRequests, run_id_in
from benchmarks.servers import Server

SEARCHED_EXPERIMENT = "1"
"""The experiment that holds the runs to search."""


def make_template(contender: Contender, directory: Path, runs: int) -> str:
    """Return a template with `runs` runs of 20 metrics and 20 params, written by `contender`."""
    name = f"template-{contender.template}"
    with (
        Server(contender, directory / name, template=None) as server,
        Connection(server.address) as connection,
    ):
        _seed(connection, runs)
    return server.database.keep(name)


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
