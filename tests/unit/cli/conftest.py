"""A small database for commands to work on."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.server import Server, command
from tests.unit.cli.command import Command, command_on

from headwater.entities.metric import Points
from headwater.mlflow_release import installed_release
from headwater.storage.metadata.prepare import create
from headwater.storage.metadata.sqlite_connection import connect
from headwater.storage.metrics.sqlite import SqliteMetricEngine

RUN_ID = "a" * 32


def headwater(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=120, check=False, cwd=cwd
    )


def log(database: Path, first: int) -> None:
    """Log three points of loss into the run, as one block: a seventh of the step at each step."""
    steps = np.arange(first, first + 3, dtype=np.int64)
    points = Points(("loss",), np.zeros(3, np.intp), steps, steps, steps / 7)
    connection = connect(database)
    SqliteMetricEngine().append(connection, RUN_ID, points)
    connection.close()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """The database of the default data directory, with a run of one block."""
    path = tmp_path / "headwater-data" / "mlflow.db"
    create(path, installed_release(), "mlflow-artifacts:/")
    connection = connect(path)
    connection.execute(
        "INSERT INTO runs (run_uuid, experiment_id, status, lifecycle_stage)"
        " VALUES (?, 0, 'RUNNING', 'active')",
        (RUN_ID,),
    )
    connection.close()
    log(path, 0)
    return path


@pytest.fixture
def on_server(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Run ``headwater`` with its arguments on the session's server."""
    return command_on(server.url, monkeypatch, capsys)
