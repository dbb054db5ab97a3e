import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.compatibility.pair import Pair
from tests.compatibility.servers import (
    Server,
    candidate_is_stock,
    headwater_server,
    on_postgres,
    stock_server,
    wait_until_ready,
)
from tests.postgres import Postgres

# Read when MLflow is imported, which some modules of these tests do.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compatibility")


@pytest.fixture(scope="session")
def stores(request: pytest.FixtureRequest, directory: Path) -> tuple[str, str]:
    """The URIs of the databases, stock's first."""
    if not on_postgres():
        return (
            f"sqlite:///{directory}/stock/mlflow.db",
            f"sqlite:///{directory}/candidate/mlflow.db",
        )
    postgres: Postgres = request.getfixturevalue("postgres")
    first, second = (
        postgres.create().replace("postgresql:", "postgresql+psycopg:") for _ in range(2)
    )
    return first, second


@pytest.fixture(scope="session")
def servers(directory: Path, stores: tuple[str, str]) -> Iterator[tuple[Server, Server]]:
    """Stock and candidate, which start side by side."""
    start_candidate = stock_server if candidate_is_stock() else headwater_server
    with (
        stock_server(directory / "stock", stores[0]) as stock,
        start_candidate(directory / "candidate", stores[1]) as candidate,
    ):
        wait_until_ready(stock)
        wait_until_ready(candidate)
        yield stock, candidate


@pytest.fixture(scope="session")
def new_pair(servers: tuple[Server, Server]) -> Iterator[Callable[[], Pair]]:
    """Begin a pair with names of its own; all share two keep-alive clients."""
    stock, candidate = servers
    with (
        httpx.Client(base_url=stock.url, timeout=120) as first,
        httpx.Client(base_url=candidate.url, timeout=120) as second,
    ):
        yield lambda: Pair.begin(stock, candidate, (first, second))


@pytest.fixture
def pair(new_pair: Callable[[], Pair]) -> Pair:
    return new_pair()
