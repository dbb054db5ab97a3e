"""A database that is filled for benchmarks is one that Headwater could have written."""

from pathlib import Path

import pytest
from benchmarks.fill import KEYS, Filled, fill

from headwater.mlflow_release import installed_release
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.prepare import create
from headwater.storage.metadata.sqlite import SqliteDatabase
from headwater.storage.metrics.check import check_run, runs_with_points
from headwater.storage.metrics.sqlite import SqliteMetricEngine

POINTS = 200_000


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with five runs and no points."""
    path = tmp_path / "mlflow.db"
    create(path, installed_release(), "mlflow-artifacts:/")
    return path


def _insert_runs(connection: Connection) -> None:
    for letter in "abcde":
        connection.execute(
            "INSERT INTO runs (run_uuid, experiment_id, status, lifecycle_stage)"
            " VALUES (?, 0, 'RUNNING', 'active')",
            (letter * 32,),
        )


def _lengths(connection: Connection, filled: Filled) -> dict[str, list[int]]:
    """Return how many points each run has of each of its metrics."""
    engine = SqliteMetricEngine()
    lengths: dict[str, list[int]] = {}
    for run_id in runs_with_points(connection):
        for key in filled.keys:
            for series in engine.histories(connection, [run_id], key).values():
                lengths.setdefault(run_id, []).append(len(series))
    return lengths


async def test_half_of_the_points_are_in_one_run_and_everything_agrees(database: Path) -> None:
    filled_before = SqliteDatabase(database)
    await filled_before.write(_insert_runs)
    filled_before.close()
    filled = await fill(database, POINTS)
    reader = SqliteDatabase(database)
    try:
        lengths = await reader.read(lambda connection: _lengths(connection, filled))
        runs = await reader.read(runs_with_points)
        problems = await reader.read(
            lambda connection: [p for run in runs for p in check_run(connection, run)]
        )
    finally:
        reader.close()
    assert problems == []
    assert lengths.pop(filled.read_run) == [100_000]
    assert lengths.pop(filled.long_run) == [POINTS // 2 // KEYS] * KEYS
    assert list(lengths.values()) == [[5_000] * KEYS] * 2
