"""The contenders' server processes: started on a free port, always stopped."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from benchmarks.client import Address, Connection, ProtocolError, encode
from benchmarks.contenders import Contender

_START_TIMEOUT = 180.0
_STOP_TIMEOUT = 20.0
_POLL_SECONDS = 0.005
_SETTLE_TIMEOUT = 60.0
_SETTLE_INTERVAL = 1.0
_SETTLED_LOAD = 0.2
"""Share of a core; stock MLflow's idle job consumers use about 0.1."""


class ServerStartError(Exception):
    """A server process ended or stayed silent."""


class Server:
    """One server process over its own database, a copy of a template or empty."""

    def __init__(self, contender: Contender, directory: Path, template: str | None) -> None:
        directory.mkdir(parents=True)
        self.database = contender.storage.make(directory, template)
        self.contender = contender
        self.directory = directory
        self.address: Address = ("127.0.0.1", _free_port())
        self.started = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; `started` is the moment before."""
        command = self.contender.command(self.directory, self.database, self.address[1])
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

    def settle(self, interval: float = _SETTLE_INTERVAL) -> None:
        """Wait until the process tree has been quiet for so many seconds, a minute at most."""
        deadline = time.perf_counter() + _SETTLE_TIMEOUT
        while time.perf_counter() < deadline:
            before = self._processor_seconds()
            time.sleep(interval)
            if self._processor_seconds() - before < _SETTLED_LOAD * interval:
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
