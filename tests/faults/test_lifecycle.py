"""Starts, kills and stops: what must survive survives, and nothing is left over."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest
from tests.server import Server, command, environment, running

pytestmark = pytest.mark.slow

EXPERIMENT = "/api/2.0/mlflow/experiments/get?experiment_id=0"
REGISTRY = "/api/2.0/mlflow/registered-models/search"


def descendants(server: Server) -> list[psutil.Process]:
    return psutil.Process(server.process.pid).children(recursive=True)


def alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def serving(directory: Path, **changes: str) -> contextlib.AbstractContextManager[Server]:
    """Run a server that starts MLflow at once, as by default."""
    return running(directory, HEADWATER_MLFLOW_ON_DEMAND="false", **changes)


def test_serves_before_mlflow_is_up(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert httpx.get(server.url + EXPERIMENT).json()["experiment"]["name"] == "Default"
        assert "<!doctype html>" in httpx.get(server.url).text
        assert httpx.get(f"{server.url}/health").text == "OK"
        # At once, though MLflow takes seconds to import: stop while it does.
        processes = descendants(server)
        assert server.stop() == 0
        assert not any(alive(process) for process in processes)


def test_stops_cleanly(tmp_path: Path) -> None:
    with serving(tmp_path, TMPDIR=str(tmp_path)) as server:
        server.wait_for_upstream()
        processes = descendants(server)
        assert len(processes) >= 2
        assert list(tmp_path.glob("headwater-*/mlflow.sock"))
        assert server.stop() == 0
        assert not any(alive(process) for process in processes)
        assert {path.name for path in tmp_path.iterdir()} == {"headwater-data", "server.log"}
        assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("delay", [0, 0.02, 0.05, 0.1, 0.2, 0.5])
def test_stops_however_early_it_is_told(tmp_path: Path, delay: float) -> None:
    with serving(tmp_path) as server:
        time.sleep(delay)
        assert server.stop() == 0


def test_finishes_requests_before_it_stops(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        address = httpx.URL(server.url)
        with socket.create_connection((address.host, address.port or 80)) as client:
            body = b'{"name": "late"}'
            head = (
                f"POST /api/2.0/mlflow/experiments/create HTTP/1.1\r\nHost: localhost\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            client.sendall(head.encode() + body[:5])
            time.sleep(0.5)
            server.process.send_signal(signal.SIGINT)
            time.sleep(0.5)
            client.sendall(body[5:])
            answer = client.recv(4096)
        assert answer.startswith(b"HTTP/1.1 200")
        assert server.process.wait(60) == 0


@pytest.mark.parametrize("victim", ["launcher", "worker"])
def test_mlflow_comes_back_when_killed(tmp_path: Path, victim: str) -> None:
    with serving(tmp_path) as server:
        server.wait_for_upstream()
        launcher, *workers = descendants(server)
        killed = launcher if victim == "launcher" else workers[0]
        os.kill(killed.pid, signal.SIGKILL)
        assert httpx.get(server.url + EXPERIMENT).status_code == 200
        until(lambda: not any(alive(process) for process in (launcher, *workers)))
        assert httpx.get(server.url + EXPERIMENT).status_code == 200
        server.wait_for_upstream()
        assert httpx.get(server.url + REGISTRY).status_code == 200
        processes = descendants(server)
        assert launcher.pid not in [process.pid for process in processes]


def test_mlflow_ends_when_the_front_is_killed(tmp_path: Path) -> None:
    changes = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "true", "TMPDIR": str(tmp_path)}
    with serving(tmp_path, **changes) as server:
        server.wait_for_upstream()
        until(lambda: len(descendants(server)) > 3)  # the job runner has children, too
        processes = descendants(server)
        server.process.kill()
        server.process.wait()
        until(lambda: not any(alive(process) for process in processes))
        assert not list(tmp_path.glob("headwater-*/mlflow.sock"))


def test_mlflow_ends_when_the_front_is_killed_early(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        until(lambda: len(descendants(server)) > 0)
        processes = descendants(server)
        server.process.kill()
        server.process.wait()
        until(lambda: not any(alive(process) for process in processes))


def test_says_in_one_line_why_it_cannot_start(server: Server, tmp_path: Path) -> None:
    port = str(httpx.URL(server.url).port)
    done = subprocess.run(
        command("server", "--port", port),
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("headwater: error: cannot listen on 127.0.0.1 port")
    assert done.stderr.count("\n") == 1
