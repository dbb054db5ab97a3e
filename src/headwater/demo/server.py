"""Runs `headwater server` for as long as the demo lasts."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

PREFERRED_PORT = 5000
START_SECONDS = 120.0
STOP_SECONDS = 20.0


class ServerFailedError(Exception):
    """The server did not come up; the message says what it printed."""


def free_port(host: str, preferred: int = PREFERRED_PORT) -> int:
    """Return the preferred port where it is free, any free one otherwise."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ServerFailedError(f"no free port on {host}")


@dataclass(frozen=True)
class DemoServer:
    """A server to log to."""

    address: str
    process: "subprocess.Popen[bytes] | None" = None
    """None where it is somebody else's."""

    def stop(self) -> None:
        """Stop it, where it is ours."""
        if self.process is not None:
            _stop(self.process)


@contextmanager
def running_server(data_dir: Path, host: str, port: int) -> Iterator[DemoServer]:
    """Start the server, yield it once it is healthy, stop it in the end.

    Raises:
        ServerFailedError: it ended, or was not healthy in time.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    log_path = data_dir / "server.log"
    command = [str(Path(sys.executable).with_name("headwater")), "server"]
    command += ["--host", host, "--port", str(port), "--data-dir", str(data_dir)]
    with log_path.open("ab") as log:
        # A session of its own: Ctrl-C reaches the demo alone, which then stops the server in order.
        process = subprocess.Popen(  # noqa: S603 - our own command line
            command,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_until_healthy(process, host, port, log_path)
        yield DemoServer(f"http://{host}:{port}", process)
    finally:
        _stop(process)


def _environment() -> dict[str, str]:
    """Return the environment without settings that are meant for the user's own server."""
    own = ("MLFLOW_", "HEADWATER_")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


def _is_healthy(host: str, port: int) -> bool:
    connection = HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def _wait_until_healthy(
    process: "subprocess.Popen[bytes]", host: str, port: int, log_path: Path
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerFailedError(
                f"headwater server ended with exit code {process.returncode}:\n{_tail(log_path)}"
            )
        if _is_healthy(host, port):
            return
        time.sleep(0.05)
    raise ServerFailedError(
        f"headwater server was not healthy after {START_SECONDS:.0f} s:\n{_tail(log_path)}"
    )


def _tail(log_path: Path) -> str:
    lines = log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
    return "\n".join(f"  {line}" for line in lines)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask the server to finish; kill its whole process group where it does not."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
