"""Fills a tracking database with many short runs, straight through SQL.

Every run is a function of its number, so that databases of different servers hold the same.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

ENTRIES = 20
"""Metrics and params of one run."""

FIRST_START = 1_700_000_000_000
RARE_PARAM = "param_4"
"""A param whose value no other run has."""

_CARDINALITIES = (2, 7, 50, 1_000)
"""How many values a param has, in turn; after them comes one with a value a run."""

_CHUNK = 10_000
_CACHE_KIB = 4 * 1024 * 1024
_METRICS = [f"metric_{number}" for number in range(ENTRIES)]
_TABLES = ("runs", "latest_metrics", "params", "tags")
_INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"

Row = tuple[object, ...]


def run_id(number: int) -> str:
    """Return the id of a run, as random as MLflow's."""
    return hashlib.blake2b(number.to_bytes(8, "big"), digest_size=16).hexdigest()


def metric_values(first: int, count: int) -> Sequence[Sequence[float]]:
    """Return the latest values of `count` runs, of which the first has a multiple of 10,000."""
    values: list[list[float]] = np.random.default_rng(first).random((count, ENTRIES)).tolist()
    return values


def param_value(number: int, entry: int) -> str:
    """Return what a run has for a param."""
    at = entry % (len(_CARDINALITIES) + 1)
    if at == len(_CARDINALITIES):
        return f"value {number}"
    return f"value {number // (entry + 1) % _CARDINALITIES[at]}"


def fill_runs(path: Path, runs: int, experiment_id: int) -> None:
    """Insert so many runs of 20 metrics, 20 params and 5 tags; nobody else has the file open.

    The tables are MLflow's or FastTrackML's, and hold no runs yet. What is Headwater's is removed,
    for its migration to make anew: its triggers would take an hour for 100,000 runs.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        connection.execute("PRAGMA journal_mode = OFF")
        _remove_own(connection)
        peer = connection.execute("PRAGMA table_info(contexts)").fetchone() is not None
        marks = ", ".join("?" * len(_TABLES))
        indexes = connection.execute(f"{_INDEXES} AND tbl_name IN ({marks})", _TABLES).fetchall()
        connection.execute("BEGIN EXCLUSIVE")
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        for first in range(0, runs, _CHUNK):
            numbers = range(first, min(runs, first + _CHUNK))
            _Chunk(numbers, experiment_id, peer).insert(connection)
        for _, statement in indexes:
            connection.execute(statement)
        connection.execute("COMMIT")
        # Without statistics, SQLite 3.40 compares all of MLflow's runs with all metrics of a key:
        # stock MLflow then takes more than ten minutes to order 100,000 runs.
        connection.execute("ANALYZE")


def _remove_own(connection: sqlite3.Connection) -> None:
    for kind in ("trigger", "index", "table"):  # of a table, those that are left go with it
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = ? AND name LIKE 'headwater%' "
            "AND sql IS NOT NULL",
            (kind,),
        ).fetchall()
        for (name,) in names:
            connection.execute(f"DROP {kind} {name}")


class _Chunk:
    """The rows of some runs."""

    def __init__(self, numbers: range, experiment_id: int, peer: bool) -> None:
        self._experiment_id = experiment_id
        self._peer = peer
        self._runs = [(number, run_id(number)) for number in numbers]

    def insert(self, connection: sqlite3.Connection) -> None:
        """Insert them."""
        for table, columns, rows in (
            ("runs", self._run_columns, self._run_rows()),
            ("latest_metrics", self._metric_columns, self._metric_rows()),
            ("params", self._param_columns, self._param_rows()),
            ("tags", "key, value, run_uuid", self._tag_rows()),
        ):
            _insert(connection, table, columns, rows)

    @property
    def _run_columns(self) -> str:
        own = ", row_num" if self._peer else ""
        return (
            "run_uuid, name, source_type, source_name, entry_point_name, user_id, status, "
            "start_time, end_time, source_version, lifecycle_stage, artifact_uri, experiment_id"
            f"{own}"
        )

    def _run_rows(self) -> Iterator[Row]:
        for number, run in self._runs:
            start = FIRST_START + 1000 * number
            row = (
                *(run, f"sweep-{number}", "UNKNOWN", "", "", "researcher", "FINISHED", start),
                *(start + 60_000, "", "active" if number % 100 else "deleted"),
                *(f"mlflow-artifacts:/{self._experiment_id}/{run}/artifacts", self._experiment_id),
            )
            yield (*row, number) if self._peer else row

    @property
    def _metric_columns(self) -> str:
        own = ", last_iter, context_id" if self._peer else ""
        return f"key, value, timestamp, step, is_nan, run_uuid{own}"

    def _metric_rows(self) -> Iterator[Row]:
        own = (1, 1) if self._peer else ()
        values = metric_values(self._runs[0][0], len(self._runs))
        for (number, run), row in zip(self._runs, values, strict=True):
            for key, value in zip(_METRICS, row, strict=True):
                yield (key, value, FIRST_START + 1000 * number, 0, False, run, *own)

    @property
    def _param_columns(self) -> str:
        return f"key, {'value_str' if self._peer else 'value'}, run_uuid"

    def _param_rows(self) -> Iterator[Row]:
        for number, run in self._runs:
            for entry in range(ENTRIES):
                yield (f"param_{entry}", param_value(number, entry), run)

    def _tag_rows(self) -> Iterator[Row]:
        for number, run in self._runs:
            yield ("mlflow.user", "researcher", run)
            yield ("mlflow.source.name", "train.py", run)
            yield ("mlflow.source.type", "LOCAL", run)
            yield ("mlflow.runName", f"sweep-{number}", run)
            yield ("team", f"team {number % 5}", run)


def _insert(connection: sqlite3.Connection, table: str, columns: str, rows: Iterable[Row]) -> None:
    marks = ", ".join("?" * (columns.count(",") + 1))
    connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)
