"""The contenders' server processes: started on a free port, always stopped."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from benchmarks.client import Address, Connection, ProtocolError, encode

_START_TIMEOUT = 180.0
_STOP_TIMEOUT = 20.0
_POLL_SECONDS = 0.005
_SETTLE_TIMEOUT = 60.0
_SETTLE_INTERVAL = 1.0
_SETTLED_LOAD = 0.2
"""Share of a core; stock MLflow's idle job consumers use about 0.1."""


class ServerStartError(Exception):
    """A server process ended or stayed silent."""


@dataclass(frozen=True)
class Contender:
    """A server program and how to start it."""

    name: str
    stock: bool
    command: Callable[[Path, int], list[str]]
    """Takes the data directory and the port."""


def database_in(directory: Path) -> Path:
    """Return the SQLite file that a contender keeps in its directory."""
    return directory / "mlflow.db"


def stock_mlflow(executable: Path, workers: int | None) -> Contender:
    """Return `mlflow server`; None leaves the number of workers at its default."""

    def command(directory: Path, port: int) -> list[str]:
        options = [] if workers is None else ["--workers", str(workers)]
        return [str(executable), "server", *_common_options(directory, port), *options]

    name = "MLflow, 4 workers" if workers is None else f"MLflow, --workers {workers}"
    return Contender(name, stock=True, command=command)


def headwater(executable: Path) -> Contender:
    """Return `headwater server`."""

    def command(directory: Path, port: int) -> list[str]:
        return [str(executable), "server", *_common_options(directory, port)]

    return Contender("Headwater", stock=False, command=command)


def beside_python(program: str) -> Path:
    """Return a program of the running interpreter's environment."""
    return Path(sys.executable).parent / program


def _common_options(directory: Path, port: int) -> list[str]:
    return [
        "--host=127.0.0.1",
        f"--port={port}",
        f"--backend-store-uri=sqlite:///{database_in(directory)}",
        f"--artifacts-destination={directory / 'artifacts'}",
    ]


class Server:
    """One server process over its own copy of a database."""

    def __init__(self, contender: Contender, directory: Path, template: Path | None) -> None:
        directory.mkdir(parents=True)
        if template is not None:
            shutil.copyfile(template, database_in(directory))
        self.contender = contender
        self.directory = directory
        self.address: Address = ("127.0.0.1", _free_port())
        self.started = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def database(self) -> Path:
        """The SQLite file behind the server."""
        return database_in(self.directory)

    def start(self) -> None:
        """Start the process; `started` is the moment before."""
        command = self.contender.command(self.directory, self.address[1])
        with (self.directory / "server.log").open("wb") as log:
            self.started = time.perf_counter()
            self._process = subprocess.Popen(
                command,
                cwd=self.directory,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_for(self, path: str) -> float:
        """Return the seconds from process start until a GET answers 200."""
        request = encode("GET", path)
        while True:
            if self._answers(request):
                return time.perf_counter() - self.started
            self._require_alive()
            time.sleep(_POLL_SECONDS)

    def processes(self) -> list[psutil.Process]:
        """Return the server's process and all below it."""
        if self._process is None:
            return []
        try:
            root = psutil.Process(self._process.pid)
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def settle(self) -> None:
        """Wait until the process tree has finished what it does after its first answer."""
        deadline = time.perf_counter() + _SETTLE_TIMEOUT
        while time.perf_counter() < deadline:
            before = self._processor_seconds()
            time.sleep(_SETTLE_INTERVAL)
            if self._processor_seconds() - before < _SETTLED_LOAD * _SETTLE_INTERVAL:
                return

    def _processor_seconds(self) -> float:
        total = 0.0
        for process in self.processes():
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
        return total

    def stop(self) -> None:
        """End the process and everything it started."""
        if self._process is None:
            return
        family = self.processes()
        _signal_group(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            _signal_group(self._process.pid, signal.SIGKILL)
            self._process.wait()
        _, alive = psutil.wait_procs(family, timeout=_STOP_TIMEOUT)
        for process in alive:
            process.kill()
        self._process = None

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait_for("/health")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _answers(self, request: bytes) -> bool:
        try:
            with Connection(self.address, timeout=60.0) as connection:
                return connection.ask(request).status == 200
        except (OSError, ProtocolError):
            return False

    def _require_alive(self) -> None:
        assert self._process is not None
        silent = time.perf_counter() - self.started > _START_TIMEOUT
        if self._process.poll() is None and not silent:
            return
        log = (self.directory / "server.log").read_text(errors="replace")
        reason = "did not answer" if silent else f"ended with {self._process.returncode}"
        raise ServerStartError(f"{self.contender.name} {reason}:\n{log[-3000:]}")


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return {**kept, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _signal_group(process_id: int, number: signal.Signals) -> None:
    try:
        os.killpg(process_id, number)
    except ProcessLookupError:
        return
