"""The demo's server comes up, goes away, and says why where it cannot."""

import socket
from pathlib import Path

import httpx
import psutil
import pytest

from headwater.demo.server import ServerFailedError, free_port, running_server

HOST = "127.0.0.1"


def test_a_taken_port_is_replaced_by_a_free_one() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        preferred = taken.getsockname()[1]
        assert free_port(HOST, preferred) != preferred
    assert free_port(HOST, preferred) == preferred


@pytest.mark.slow
@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_nothing_is_left_running(tmp_path: Path, error: type[BaseException] | None) -> None:
    port = free_port(HOST, 0)
    try:
        with running_server(tmp_path, HOST, port) as server:
            assert httpx.get(f"{server.address}/health").status_code == 200
            assert _processes(tmp_path)
            if error is not None:
                raise error
    except KeyboardInterrupt:
        pass
    assert not _processes(tmp_path)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.address}/health")


@pytest.mark.slow
def test_the_users_own_database_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "theirs.db"
    monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", f"sqlite:///{theirs}")
    monkeypatch.setenv("MLFLOW_STATIC_PREFIX", "/elsewhere")
    with running_server(tmp_path / "demo", HOST, free_port(HOST, 0)):
        pass
    assert not theirs.exists()


@pytest.mark.slow
def test_a_server_that_cannot_start_is_quoted(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(ServerFailedError, match=rf"exit code 1:\n.*port {port}"),
            running_server(tmp_path, HOST, port),
        ):
            pytest.fail("the port belongs to somebody else")


def _processes(data_dir: Path) -> list[int]:
    """Return the processes that have the data directory on their command line."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if str(data_dir) in " ".join(process.info["cmdline"] or [])
    ]
