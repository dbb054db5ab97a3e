import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.server import command

from headwater.entities.metric import Points
from headwater.mlflow_release import installed_release
from headwater.storage.metadata.prepare import create
from headwater.storage.metadata.sqlite_connection import connect
from headwater.storage.metrics.sqlite import SqliteMetricEngine

RUN_ID = "a" * 32


def headwater(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("compact", *arguments),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=cwd,
    )


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with two blocks of three points each."""
    path = tmp_path / "headwater-data" / "mlflow.db"
    create(path, installed_release(), "mlflow-artifacts:/")
    connection = connect(path)
    connection.execute(
        "INSERT INTO runs (run_uuid, experiment_id, status, lifecycle_stage)"
        " VALUES (?, 0, 'RUNNING', 'active')",
        (RUN_ID,),
    )
    for first in (0, 3):
        column = np.arange(first, first + 3, dtype=np.int64)
        points = Points(("loss",), np.zeros(3, np.intp), column, column, column / 7)
        SqliteMetricEngine().append(connection, RUN_ID, points)
    connection.close()
    return path


def test_says_what_it_did(database: Path) -> None:
    done = headwater(cwd=database.parent.parent)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:6] == ["Compacted", "6", "points", "of", "2", "requests"]


def test_json_is_one_object_and_a_second_time_there_is_nothing_to_do(database: Path) -> None:
    for blocks, points in ((2, 6), (0, 0)):
        done = headwater(
            "--backend-store-uri", f"sqlite:///{database}", "--json", cwd=database.parent
        )
        assert json.loads(done.stdout) == {
            "database": str(database),
            "blocks": blocks,
            "points": points,
            "left_blocks": 0,
        }


def test_a_damaged_block_is_told_and_the_rest_done(database: Path) -> None:
    connection = connect(database)
    connection.execute("UPDATE headwater_metric_blocks SET payload = x'00' WHERE block_id = 1")
    connection.close()
    done = headwater("--data-dir", str(database.parent), cwd=database.parent)
    assert done.returncode == 1
    assert "Compacted 3 points of 1 requests" in done.stdout
    assert "1 blocks stay" in done.stderr


def test_a_missing_database_is_one_line(tmp_path: Path) -> None:
    done = headwater(cwd=tmp_path)
    assert done.returncode == 1
    assert "there is no database at" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
