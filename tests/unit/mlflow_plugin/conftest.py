import os
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

with warnings.catch_warnings(action="ignore"):  # see MLFLOWS_WARNINGS
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    from headwater.mlflow_plugin.metric_store import TrackingStore

from headwater.mlflow_plugin.tracking_store import open_tracking_store
from headwater.mlflow_release import installed_release
from headwater.storage.metadata.prepare import create

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

ARTIFACT_ROOT = "mlflow-artifacts:/"

MLFLOWS_WARNINGS = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),
]
"""Marks for tests that run MLflow's code, on newer libraries than it was made for."""


def insert_run(path: Path, run_id: str) -> None:
    """Create an active run under an id of our choice."""
    with closing(sqlite3.connect(path, timeout=20)) as connection, connection:
        connection.execute(
            "INSERT INTO runs (run_uuid, name, experiment_id, user_id, status, lifecycle_stage,"
            " start_time, source_type, source_name, entry_point_name, source_version, artifact_uri)"
            " VALUES (?, 'n', 0, 'u', 'RUNNING', 'active', 1, 'UNKNOWN', '', '', '', 'a:/')",
            (run_id,),
        )


def rows(path: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(path, timeout=20)) as connection:
        return connection.execute(statement).fetchall()


@dataclass(frozen=True)
class Pair:
    """MLflow's store and ours, each on a database of its own."""

    stock: Any
    ours: Any
    stock_path: Path
    our_path: Path

    def insert_run(self, run_id: str) -> None:
        insert_run(self.stock_path, run_id)
        insert_run(self.our_path, run_id)


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Make a fresh database of the installed MLflow and Headwater."""

    def make() -> Path:
        path = tmp_path_factory.mktemp("database") / "mlflow.db"
        create(path, installed_release(), ARTIFACT_ROOT)
        return path

    return make


@pytest.fixture(scope="session")
def pair(new_database: Callable[[], Path]) -> Iterator[Pair]:
    stock_path, our_path = new_database(), new_database()
    stock = SqlAlchemyStore(f"sqlite:///{stock_path}", ARTIFACT_ROOT)
    ours = open_tracking_store(f"headwater+sqlite:///{our_path}", ARTIFACT_ROOT)
    yield Pair(stock, ours, stock_path, our_path)
    stock.engine.dispose()
    ours.engine.dispose()


@pytest.fixture
def store(new_database: Callable[[], Path]) -> Iterator[TrackingStore]:
    opened = open_tracking_store(f"headwater+sqlite:///{new_database()}", ARTIFACT_ROOT)
    yield opened
    opened.engine.dispose()
