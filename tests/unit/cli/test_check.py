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


def headwater(*arguments: str, database: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("check", "--backend-store-uri", f"sqlite:///{database}", *arguments),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=database.parent,
    )


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with a run that logged three points."""
    path = tmp_path / "mlflow.db"
    create(path, installed_release(), "mlflow-artifacts:/")
    connection = connect(path)
    connection.execute(
        "INSERT INTO runs (run_uuid, experiment_id, status, lifecycle_stage)"
        " VALUES (?, 0, 'RUNNING', 'active')",
        (RUN_ID,),
    )
    column = np.arange(3, dtype=np.int64)
    points = Points(("loss",), np.zeros(3, np.intp), column, column, column / 7)
    SqliteMetricEngine().append(connection, RUN_ID, points)
    connection.close()
    return path


def change(database: Path, statement: str) -> None:
    connection = connect(database)
    connection.execute(statement)
    connection.close()


def test_nothing_is_wrong(database: Path) -> None:
    done = headwater(database=database)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"Checked 1 runs in {database}: 0 problems, 0 left.\n"


def test_a_problem_is_told_then_repaired(database: Path) -> None:
    change(database, "DELETE FROM latest_metrics")
    told = headwater(database=database)
    assert told.returncode == 1
    assert f"run {RUN_ID}, metric 'loss': MLflow's latest metrics lack" in told.stdout
    assert "--repair" in told.stdout
    repaired = headwater("--repair", "--json", database=database)
    assert repaired.returncode == 0, repaired.stderr
    assert json.loads(repaired.stdout) == {
        "database": str(database),
        "runs": 1,
        "problems": [
            {
                "run_id": RUN_ID,
                "key": "loss",
                "problem": "MLflow's latest metrics lack the latest point",
                "repairable": True,
                "repaired": True,
            }
        ],
    }
    assert headwater(database=database).returncode == 0


def test_damaged_bytes_stay_a_problem(database: Path) -> None:
    change(database, "UPDATE headwater_metric_blocks SET payload = x'0011223344'")
    done = headwater("--repair", database=database)
    assert done.returncode == 1
    assert f"run {RUN_ID}: block 1: a metric block fails its checksum" in done.stdout
    assert "1 problems, 1 left" in done.stdout
