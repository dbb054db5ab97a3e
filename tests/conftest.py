"""Fixtures for every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.server import Server, running


@pytest.fixture(scope="session")
def server_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="session")
def server(server_directory: Path) -> Iterator[Server]:
    """A `headwater server` with its defaults, shared by the session: add to it, do not break it."""
    with running(server_directory) as server:
        yield server
