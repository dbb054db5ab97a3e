"""Fixtures for every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from tests.postgres import Postgres, database_of, running_postgres
from tests.s3 import S3, running_s3
from tests.server import Server, running

from headwater.mlflow_release import installed_release
from headwater.storage.metadata import prepare_postgres

# No property fails because something else keeps the machine busy.
settings.register_profile("unhurried", parent=settings(), deadline=None)
settings.load_profile("unhurried")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with slow tests first, whole: processes that share the files end together then."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def server_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="session")
def server(server_directory: Path) -> Iterator[Server]:
    """A `headwater server` with its defaults, shared by the session: add to it, do not break it."""
    with running(server_directory) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of this process's own; take a database each."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    """The name of a database with all tables and the default experiment, to copy."""
    uri = postgres.create()
    prepare_postgres.create(uri, installed_release(), "mlflow-artifacts:/")
    return database_of(uri)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """An S3 server of this process's own; take a bucket each."""
    with running_s3(tmp_path_factory.mktemp("s3") / "s3.log") as server:
        yield server
