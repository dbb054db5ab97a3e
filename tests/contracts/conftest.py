"""Backends under contract: a new one adds a fixture, not tests."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.contracts.artifact_places import Open, Place
from tests.contracts.organised import sweep
from tests.postgres import Postgres
from tests.s3 import S3

from headwater.entities.artifact_store_uri import Bucket
from headwater.mlflow_release import installed_release
from headwater.storage.artifacts.local_objects import LocalObjects
from headwater.storage.artifacts.s3_objects import S3Objects
from headwater.storage.artifacts.store import ArtifactStore
from headwater.storage.metadata.base import Connection, Database
from headwater.storage.metadata.postgres import PostgresDatabase
from headwater.storage.metadata.prepare import create
from headwater.storage.metadata.sqlite import SqliteDatabase
from headwater.storage.metrics.base import MetricEngine
from headwater.storage.metrics.postgres import PostgresMetricEngine
from headwater.storage.metrics.sqlite import SqliteMetricEngine

RUN_IDS = tuple(letter * 32 for letter in "abc")


@dataclass(frozen=True)
class Backend:
    """A database with a few active runs, and the metric engine on it."""

    database: Database
    metrics: MetricEngine
    run_ids: tuple[str, ...]


def _insert_runs(connection: Connection) -> None:
    for run_id in RUN_IDS:
        connection.execute(
            "INSERT INTO runs (run_uuid, experiment_id, status, lifecycle_stage)"
            " VALUES (?, 0, 'RUNNING', 'active')",
            (run_id,),
        )


@pytest.fixture(params=["sqlite", "postgres"])
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[Backend]:
    backend: Backend = request.getfixturevalue(f"{request.param}_backend")
    await backend.database.write(_insert_runs)
    yield backend
    backend.database.close()


@pytest.fixture(scope="module")
def swept_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("swept") / "mlflow.db"
    create(path, installed_release(), "mlflow-artifacts:/")
    return path


@pytest.fixture(scope="module")
def swept_postgres(postgres: Postgres, postgres_template: str) -> Iterator[str]:
    uri = postgres.create(template=postgres_template)
    yield uri
    postgres.drop(uri)


@pytest.fixture(params=["sqlite", "postgres"])
async def swept_backend(request: pytest.FixtureRequest) -> AsyncIterator[Backend]:
    """As `backend`, on a database that the tests of a module share; empty again after each."""
    place = request.getfixturevalue(f"swept_{request.param}")
    if request.param == "sqlite":
        backend = Backend(SqliteDatabase(place), SqliteMetricEngine(), RUN_IDS)
    else:
        backend = Backend(PostgresDatabase(place), PostgresMetricEngine(), RUN_IDS)
    await backend.database.write(_insert_runs)
    yield backend
    await backend.database.write(sweep)
    backend.database.close()


@pytest.fixture
def sqlite_backend(tmp_path: Path) -> Backend:
    path = tmp_path / "mlflow.db"
    create(path, installed_release(), "mlflow-artifacts:/")
    return Backend(SqliteDatabase(path), SqliteMetricEngine(), RUN_IDS)


@pytest.fixture
def postgres_backend(postgres: Postgres, postgres_template: str) -> Iterator[Backend]:
    uri = postgres.create(template=postgres_template)
    yield Backend(PostgresDatabase(uri), PostgresMetricEngine(), RUN_IDS)
    postgres.drop(uri)


@pytest.fixture(params=["directory", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    if request.param == "directory":
        return Place(lambda: LocalObjects(tmp_path / "store"), tmp_path / "store" / "index.db")
    s3: S3 = request.getfixturevalue("s3")
    s3.use(monkeypatch)
    bucket = Bucket(s3.create_bucket(), "a prefix/of it")
    return Place(lambda: S3Objects(bucket), tmp_path / "index" / "index.db")


@pytest.fixture
def opened(place: Place) -> Iterator[Open]:
    """Open one place several times, as several processes do."""
    stores: list[ArtifactStore] = []

    def open_again() -> ArtifactStore:
        stores.append(place.open())
        return stores[-1]

    yield open_again
    for each in stores:
        each.close()


@pytest.fixture
def store(opened: Open) -> ArtifactStore:
    return opened()
