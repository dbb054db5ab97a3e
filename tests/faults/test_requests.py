"""Requests that break off, are too large, too many or from the wrong place."""

import gzip
import json
import socket
from collections.abc import Iterator

import httpx
import pytest
from tests.server import Server

pytestmark = pytest.mark.slow

LOG_BATCH = "/api/2.0/mlflow/runs/log-batch"
SEARCH = "/api/2.0/mlflow/experiments/search"
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def served(server: Server) -> Server:
    server.wait_for_upstream()
    return server


@pytest.fixture
def run_id(server: Server) -> str:
    created = httpx.post(f"{server.url}/api/2.0/mlflow/runs/create", json={"experiment_id": "0"})
    return str(created.json()["run"]["info"]["run_id"])


def connect(server: Server) -> socket.socket:
    url = httpx.URL(server.url)
    return socket.create_connection((url.host, url.port or 80))


def head(path: str, length: int) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def batch(run_id: str, points: int) -> bytes:
    metrics = [{"key": "m", "value": 1.5, "timestamp": 1, "step": step} for step in range(points)]
    return json.dumps({"run_id": run_id, "metrics": metrics}).encode()


def points(server: Server, run_id: str) -> int:
    path = f"/api/2.0/mlflow/metrics/get-history?run_id={run_id}&metric_key=m"
    return len(httpx.get(server.url + path).json().get("metrics", []))


@pytest.mark.parametrize("path", [LOG_BATCH, "/api/2.0/mlflow/registered-models/create"])
def test_a_client_that_leaves_in_mid_body(served: Server, run_id: str, path: str) -> None:
    body = batch(run_id, 50)
    for _ in range(20):
        with connect(served) as client:
            client.sendall(head(path, len(body)) + body[:-10])
    assert points(served, run_id) == 0
    assert httpx.get(f"{served.url}/health").status_code == 200
    httpx.post(served.url + LOG_BATCH, content=body, headers=JSON).raise_for_status()
    assert points(served, run_id) == 50


def test_an_empty_body_is_mlflows_to_judge(served: Server) -> None:
    answer = httpx.post(served.url + LOG_BATCH, headers=JSON, timeout=60)
    assert answer.status_code >= 400
    assert "traceback" not in answer.text.lower()


def test_a_body_of_100_megabytes_is_streamed_to_mlflow(served: Server) -> None:
    size = 100_000_000

    def chunks() -> Iterator[bytes]:
        yield b'{"run_id": "'
        for _ in range(100):
            yield b"x" * (size // 100)
        yield b'"}'

    whole = b'{"run_id": "' + b"x" * size + b'"}'
    for body, status in ((whole, 400), (chunks(), 500)):  # MLflow reads no chunked JSON
        answer = httpx.post(served.url + LOG_BATCH, content=body, headers=JSON, timeout=300)
        assert answer.status_code == status
        assert httpx.get(f"{served.url}/health").status_code == 200


def test_a_truncated_gzip_body_is_mlflows_to_judge(served: Server, run_id: str) -> None:
    body = gzip.compress(batch(run_id, 100))[:-20]
    headers = {**JSON, "content-encoding": "gzip"}
    answer = httpx.post(served.url + LOG_BATCH, content=body, headers=headers, timeout=60)
    assert answer.status_code >= 400
    assert points(served, run_id) == 0


def test_a_thousand_idle_connections(served: Server, run_id: str) -> None:
    idle = [connect(served) for _ in range(1000)]
    try:
        body = batch(run_id, 10)
        httpx.post(served.url + LOG_BATCH, content=body, headers=JSON).raise_for_status()
        assert httpx.get(f"{served.url}/health").status_code == 200
        idle[-1].sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle[-1].recv(4096).startswith(b"HTTP/1.1 200")
    finally:
        for client in idle:
            client.close()


def test_other_hosts_and_origins_are_kept_out(served: Server, run_id: str) -> None:
    url = served.url + LOG_BATCH
    body = batch(run_id, 1)
    upstream = f"{served.url}/api/2.0/mlflow/registered-models/create"
    for address in (url, upstream):
        evil = httpx.post(address, content=body, headers={**JSON, "host": "evil.example"})
        assert (evil.status_code, "DNS rebinding" in evil.text) == (403, True)
        evil = httpx.post(address, content=body, headers={**JSON, "origin": "http://evil.example"})
        assert (evil.status_code, evil.text) == (403, "Cross-origin request blocked")
    assert points(served, run_id) == 0
    preflight = {"origin": "http://localhost:1", "access-control-request-method": "POST"}
    answer = httpx.options(url, headers=preflight)
    assert answer.headers["access-control-allow-origin"] == "http://localhost:1"


@pytest.mark.parametrize("path", [f"{SEARCH}?max_results=1", "/api/2.0/mlflow/runs/get?run_id=x"])
def test_no_header_is_sent_twice(served: Server, path: str) -> None:
    for target in (path, path.replace("/api/", "/ajax-api/"), "/", "/nope", "/health"):
        headers = [name.lower() for name, _ in httpx.get(served.url + target).headers.multi_items()]
        assert len(headers) == len(set(headers)), target
        assert {"date", "x-content-type-options", "x-frame-options"} <= set(headers), target
