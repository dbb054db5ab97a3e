"""Common searches read no whole table, on SQLite and on PostgreSQL."""

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.postgres import Postgres

from headwater.entities.search import Page
from headwater.mlflow_release import installed_release
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.find_runs import find_runs
from headwater.storage.metadata.postgres_connection import PostgresConnection
from headwater.storage.metadata.prepare import create
from headwater.storage.metadata.run_conditions import NO_FACTS
from headwater.storage.metadata.run_order import run_keys
from headwater.storage.metadata.settle_runs import settle_runs
from headwater.storage.metadata.sqlite_connection import connect
from headwater.tracking.run_key import with_start
from headwater.tracking.search_runs import plan_search_runs

_RUNS = 3_000
_SEARCHES = [
    ("", []),
    ("", ["attributes.start_time DESC"]),
    ("", ["metrics.loss DESC"]),
    ("", ["metrics.loss"]),
    ("metrics.loss > 0.999", []),
    ("params.seed = 's7'", ["metrics.loss"]),
    ("params.kind = 'k1' and metrics.loss > 0.5", []),
    ("params.kind = 'k1' and metrics.loss > 0.5", ["metrics.loss DESC"]),
    ("tags.team = 'team 7'", []),
]


class _Explaining:
    """Passes statements on, and keeps what the database says of how it executes them."""

    def __init__(self, connection: Connection, explain: str) -> None:
        self._connection = connection
        self._explain = explain
        self.plans: list[str] = []

    def execute(self, statement: str, parameters: Any = ()) -> Any:
        rows = self._connection.execute(f"{self._explain} {statement}", parameters).fetchall()
        self.plans += [str(row[-1]) for row in rows]
        return self._connection.execute(statement, parameters)

    def executemany(self, statement: str, rows: Any) -> Any:
        raise AssertionError("searches write nothing")


def _fill(connection: Connection) -> None:
    rng = random.Random(1)
    runs = [(f"{rng.getrandbits(128):032x}", number) for number in range(_RUNS)]
    connection.executemany(
        "INSERT INTO runs (run_uuid, experiment_id, status, lifecycle_stage, start_time)"
        " VALUES (?, 0, 'FINISHED', 'active', ?)",
        runs,
    )
    metrics = [(rng.random(), False, run) for run, _ in runs]
    connection.executemany(
        "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid)"
        " VALUES ('loss', ?, 0, 0, ?, ?)",
        metrics,
    )
    for table, key, value, values in (
        ("params", "kind", "k", 2),
        ("params", "seed", "s", _RUNS),
        ("tags", "team", "team ", 500),
    ):
        connection.executemany(
            f"INSERT INTO {table} (key, value, run_uuid) VALUES ('{key}', ?, ?)",
            [(f"{value}{number % values}", run) for run, number in runs],
        )
    while settle_runs(connection, 0):
        pass


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Explaining]:
    path = tmp_path_factory.mktemp("plans") / "mlflow.db"
    create(path, installed_release(), "mlflow-artifacts:/")
    connection = connect(path)
    connection.execute("BEGIN")
    _fill(connection)
    connection.execute("COMMIT")
    yield _Explaining(connection, "EXPLAIN QUERY PLAN")
    connection.close()


@pytest.fixture(scope="module")
def sqlite_with_statistics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Explaining]:
    """A database that was analyzed when it had 100,000 runs, before it had Headwater's indexes."""
    path = tmp_path_factory.mktemp("plans") / "mlflow.db"
    create(path, installed_release(), "mlflow-artifacts:/")
    connection = connect(path)
    connection.execute("BEGIN")
    _fill(connection)
    connection.execute("COMMIT")
    connection.execute("ANALYZE")
    connection.execute("DELETE FROM sqlite_stat1")
    connection.executemany(
        "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)",
        [
            ("runs", "sqlite_autoindex_runs_1", "100000 1"),
            ("latest_metrics", "index_latest_metrics_run_uuid", "2000000 20"),
            ("latest_metrics", "sqlite_autoindex_latest_metrics_1", "2000000 100000 1"),
        ],
    )
    connection.close()
    connection = connect(path)
    yield _Explaining(connection, "EXPLAIN QUERY PLAN")
    connection.close()


@pytest.fixture(scope="module")
def postgresql(postgres: Postgres, postgres_template: str) -> Iterator[_Explaining]:
    uri = postgres.create(template=postgres_template)
    connection = PostgresConnection(uri)
    connection.execute("BEGIN")
    _fill(connection)
    connection.execute("COMMIT")
    connection.execute("ANALYZE")
    # Tables of this size it would read whole; what it can read no other way, it still does.
    connection.execute("SET enable_seqscan = off")
    yield _Explaining(connection, "EXPLAIN")
    connection.close()
    postgres.drop(uri)


@pytest.mark.parametrize("database", ["sqlite", "sqlite_with_statistics", "postgresql"])
@pytest.mark.parametrize(("filter_text", "order_by"), _SEARCHES)
def test_no_table_is_read_from_end_to_end(
    request: pytest.FixtureRequest, database: str, filter_text: str, order_by: list[str]
) -> None:
    explaining: _Explaining = request.getfixturevalue(database)
    explaining.plans.clear()
    behaviour = installed_release().behaviour
    search = plan_search_runs(["0"], ("active",), filter_text, order_by, Page(0, 5), behaviour, 0)
    assert find_runs(explaining, search, nan_never_matches=True)
    everything = replace(search, orderings=with_start(search.orderings), page=Page(0, _RUNS))
    found = find_runs(explaining, everything, nan_never_matches=True)
    (middle,) = run_keys(explaining, everything, NO_FACTS, [found[len(found) // 2]])
    for backwards in (False, True):
        deep = replace(everything, page=Page(0, 5), beyond=middle, backwards=backwards)
        beside = find_runs(explaining, deep, nan_never_matches=True)
        side = found[: len(found) // 2][::-1] if backwards else found[len(found) // 2 + 1 :]
        assert beside == side[:6]
    tables = ("runs", "latest_metrics", "params", "tags", "headwater_metric_order")
    whole = rf"({'|'.join(tables)})\b"
    scanned = re.compile(rf"^SCAN {whole}|^BLOOM FILTER ON {whole}|Seq Scan on {whole}")
    assert [line for line in explaining.plans if scanned.search(line)] == []
