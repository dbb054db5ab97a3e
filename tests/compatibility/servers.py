"""Real server processes for the differential tests, stock MLflow and Headwater, each on its data.

``HEADWATER_COMPATIBILITY_CANDIDATE=mlflow`` puts a second stock server in Headwater's place. Every
test must pass then, too: this proves that the comparison itself invents no differences.

With ``HEADWATER_COMPATIBILITY_BACKEND=postgres`` each of the two has a PostgreSQL database, not a
SQLite file.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import sqlalchemy

FIRST_EXPERIMENT = 700_000
"""New experiments are numbered above this, so that their ids are unmistakable inside a message."""

_START_SECONDS = 180
_STOP_SECONDS = 30
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    # MLflow's messages print sets, whose order depends on it.
    "PYTHONHASHSEED": "0",
    # Its consumers are a dozen processes of a hundred megabytes each.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "PYTHONWARNINGS": "ignore",
}


@dataclass(frozen=True)
class Server:
    """A server process and where to reach it."""

    name: str
    url: str
    directory: Path
    store: str
    """The URI of its database."""

    process: subprocess.Popen[bytes]

    @property
    def log(self) -> Path:
        return _log(self.directory)


def _log(directory: Path) -> Path:
    return directory / "server.log"


def candidate_is_stock() -> bool:
    """Whether this run compares stock MLflow with itself."""
    return os.environ.get("HEADWATER_COMPATIBILITY_CANDIDATE") == "mlflow"


def on_postgres() -> bool:
    """Whether this run compares the servers on PostgreSQL."""
    return os.environ.get("HEADWATER_COMPATIBILITY_BACKEND") == "postgres"


@contextlib.contextmanager
def stock_server(directory: Path, store: str) -> Iterator[Server]:
    """Start `mlflow server` as it is documented, with one worker; see `wait_until_ready`."""
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
        *("--backend-store-uri", store),
        *("--artifacts-destination", str(directory / "artifacts")),
        # Uvicorn's 5 s race with a client that takes up an idle connection and may not retry.
        *("--uvicorn-opts", "--timeout-keep-alive=75"),
    ]
    with _started("mlflow", command, directory, store) as server:
        yield server


@contextlib.contextmanager
def headwater_server(directory: Path, store: str) -> Iterator[Server]:
    """Start `headwater server`; see `wait_until_ready`."""
    command = [
        *(str(Path(sys.executable).parent / "headwater"), "server"),
        *("--data-dir", str(directory / "data")),
        *("--backend-store-uri", store),
    ]
    with _started("headwater", command, directory, store) as server:
        yield server


@contextlib.contextmanager
def _started(name: str, command: list[str], directory: Path, store: str) -> Iterator[Server]:
    directory.mkdir(parents=True)
    port = _free_port()
    with _log(directory).open("wb") as log:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            cwd=directory,
            env={**os.environ, **_QUIET},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Server(name, f"http://127.0.0.1:{port}", directory, store, process)
    finally:
        _stop(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(server: Server) -> None:
    """Wait until the server answers, from MLflow's own code as well."""
    deadline = time.monotonic() + _START_SECONDS
    probes = ("/health", "/api/2.0/mlflow/registered-models/search")
    for probe in probes:
        while not _answers(server.url + probe):
            if server.process.poll() is not None or time.monotonic() > deadline:
                log = server.log.read_text(errors="replace")
                raise RuntimeError(f"{server.name} did not start; its log:\n{log[-5000:]}")
            time.sleep(0.1)
    _raise_experiment_ids(server.store)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=_START_SECONDS).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _raise_experiment_ids(store: str) -> None:
    engine = sqlalchemy.create_engine(store)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage,"
            f" creation_time, last_update_time, workspace) VALUES ({FIRST_EXPERIMENT},"
            " 'first of the tests', 'mlflow-artifacts:/first', 'active', 1, 1, 'default')"
        )
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(
                "SELECT setval(pg_get_serial_sequence('experiments', 'experiment_id'),"
                f" {FIRST_EXPERIMENT})"
            )
    engine.dispose()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
