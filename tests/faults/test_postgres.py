"""Several servers on one PostgreSQL database: nothing is lost or doubled, and all see the same."""

import contextlib
import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest
from tests.postgres import Postgres
from tests.server import Server, running

pytestmark = pytest.mark.slow

API = "/api/2.0/mlflow"
WRITERS = 6
POINTS = 50


@pytest.fixture
def uri(postgres: Postgres, postgres_template: str) -> Iterator[str]:
    uri = postgres.create(template=postgres_template)
    yield uri
    postgres.drop(uri)


@pytest.fixture
def servers(uri: str, tmp_path: Path) -> Iterator[list[Server]]:
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(running(tmp_path / str(number), "--backend-store-uri", uri))
            for number in range(3)
        ]


def create_run(client: httpx.Client) -> str:
    answer = client.post(f"{API}/runs/create", json={"experiment_id": "0", "start_time": 1})
    run_id: str = answer.raise_for_status().json()["run"]["info"]["run_id"]
    return run_id


def batch(run_id: str, writer: int, number: int) -> dict[str, object]:
    steps = range(number * POINTS, (number + 1) * POINTS)
    return {
        "run_id": run_id,
        "metrics": [
            {"key": key, "value": step / 7, "timestamp": step, "step": step}
            for step in steps
            for key in ("shared", f"of {writer}")
        ],
        "params": [{"key": f"p {writer} {number}", "value": str(number)}],
        "tags": [{"key": key, "value": str(number)} for key in ("shared", f"of {writer}")],
    }


def steps(client: httpx.Client, run_id: str, key: str) -> list[int]:
    answer = client.get(
        f"{API}/metrics/get-history", params={"run_id": run_id, "metric_key": key}
    ).raise_for_status()
    return [point["step"] for point in answer.json().get("metrics", [])]


def write(urls: list[str], run_ids: list[str], writer: int, seconds: float) -> tuple[int, int]:
    """Log batches into all runs, by one server after the other, for a while.

    Each is read back from another server. Returns how many were acknowledged, and how many
    requests were cut off and sent again to the next server.
    """
    clients = [httpx.Client(base_url=url, timeout=60) for url in urls]
    turns = itertools.cycle(clients)
    deadline = time.monotonic() + seconds
    acknowledged = cut_off = 0
    while time.monotonic() < deadline:
        for run_id in run_ids if writer % 2 else reversed(run_ids):
            while True:
                client = next(turns)
                try:
                    answer = client.post(
                        f"{API}/runs/log-batch", json=batch(run_id, writer, acknowledged)
                    )
                    break
                except httpx.TransportError:
                    cut_off += 1
            assert answer.status_code == 200, answer.text
        acknowledged += 1
        for client in clients:
            with contextlib.suppress(httpx.TransportError):
                assert len(steps(client, run_ids[0], f"of {writer}")) == acknowledged * POINTS
    for client in clients:
        client.close()
    return acknowledged, cut_off


def test_one_of_three_servers_is_killed_under_writers(servers: list[Server]) -> None:
    with httpx.Client(base_url=servers[0].url, timeout=60) as client:
        run_ids = [create_run(client) for _ in range(3)]
    urls = [server.url for server in servers]
    with ThreadPoolExecutor(WRITERS) as pool:
        writing = [pool.submit(write, urls, run_ids, writer, 4.0) for writer in range(WRITERS)]
        time.sleep(2)
        servers[1].process.kill()
        results = [each.result(timeout=120) for each in writing]
    assert any(cut_off for _, cut_off in results)
    for url in (urls[0], urls[2]):
        with httpx.Client(base_url=url, timeout=60) as client:
            for run_id in run_ids:
                run = client.get(f"{API}/runs/get", params={"run_id": run_id}).json()["run"]
                params = {param["key"] for param in run["data"]["params"]}
                latest = {metric["key"]: metric["step"] for metric in run["data"]["metrics"]}
                for writer, (acknowledged, _) in enumerate(results):
                    expected = list(range(acknowledged * POINTS))
                    assert steps(client, run_id, f"of {writer}") == expected
                    assert latest[f"of {writer}"] == expected[-1]
                    assert {f"p {writer} {number}" for number in range(acknowledged)} <= params
                most = max(acknowledged for acknowledged, _ in results)
                assert steps(client, run_id, "shared") == list(range(most * POINTS))
                assert latest["shared"] == most * POINTS - 1


def test_servers_may_start_on_an_empty_database_at_once(postgres: Postgres, tmp_path: Path) -> None:
    uri = postgres.create()

    def start_and_create(number: int) -> str:
        with (
            running(tmp_path / str(number), "--backend-store-uri", uri) as server,
            httpx.Client(base_url=server.url, timeout=120) as client,
        ):
            return create_run(client)

    with ThreadPoolExecutor(3) as pool:
        created = set(pool.map(start_and_create, range(3)))
    assert len(created) == 3
    with (
        running(tmp_path / "last", "--backend-store-uri", uri) as server,
        httpx.Client(base_url=server.url, timeout=120) as client,
    ):
        found = client.post(f"{API}/runs/search", json={"experiment_ids": ["0"]})
        assert {run["info"]["run_id"] for run in found.json()["runs"]} == created
        assert "@" not in server.log.read_text().replace("postgres@", "")
    postgres.drop(uri)


def test_a_server_survives_that_its_connections_are_cut(servers: list[Server], uri: str) -> None:
    """As when PostgreSQL is started anew: what was acknowledged is there, once."""
    url = servers[0].url
    with httpx.Client(base_url=url, timeout=60) as client, ThreadPoolExecutor(1) as pool:
        run_id = create_run(client)
        writing = pool.submit(write, [url], [run_id], 0, 3.0)
        while not writing.done():
            time.sleep(0.2)
            _cut_connections(uri)
        acknowledged, _ = writing.result()
        assert steps(client, run_id, "of 0") == list(range(acknowledged * POINTS))


def _cut_connections(uri: str) -> None:
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
