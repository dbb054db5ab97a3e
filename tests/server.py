"""Starts `headwater server` as users do: a process of its own, on a free port."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

START_SECONDS = 60
UPSTREAM_SECONDS = 240
STOP_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A running `headwater server`."""

    url: str
    process: subprocess.Popen[bytes]
    data_dir: Path
    database: Path
    log: Path

    def wait_for_upstream(self) -> None:
        """Return when MLflow's own process answers, which takes seconds, more on a busy machine."""
        deadline = time.monotonic() + UPSTREAM_SECONDS
        while True:
            answer = httpx.get(f"{self.url}/ajax-api/3.0/mlflow/server-info", timeout=120)
            if answer.status_code != 503:
                answer.raise_for_status()
                return
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def stop(self) -> int:
        """Ask it to stop, as service managers do, and return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)


def command(*arguments: str) -> list[str]:
    """Return the command line of ``headwater`` with these arguments."""
    return [str(Path(sys.executable).with_name("headwater")), *arguments]


def environment(**changes: str) -> dict[str, str]:
    """Return this process's environment without settings of MLflow's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    # The job runner is a dozen processes of a hundred megabytes each.
    return {**kept, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **changes}


@contextlib.contextmanager
def running(directory: Path, *arguments: str, **changes: str) -> Iterator[Server]:
    """Run `headwater server` in the directory, with its defaults unless told otherwise.

    But MLflow's process, which takes longer to start than most tests, comes when it is asked.
    It is healthy on entry and gone on exit; the caller may have ended it before.
    """
    directory.mkdir(parents=True, exist_ok=True)
    log = directory / "server.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command("server", "--port", "0", *arguments),
            cwd=directory,
            env=environment(**{"HEADWATER_MLFLOW_ON_DEMAND": "true", **changes}),
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    try:
        url = _url(process, log)
        _wait_until_healthy(url, process, log)
        data_dir = directory / "headwater-data"
        yield Server(url, process, data_dir, _database(log), log)
    finally:
        _end(process)


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while not (found := re.search(r"serves (http://\S+)", log.read_text())):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
    return found[1]


def _database(log: Path) -> Path:
    found = re.search(r"^  database +(.+)$", log.read_text(), re.MULTILINE)
    assert found is not None
    return Path(found[1])


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/health", timeout=START_SECONDS).status_code == 200:
                return
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
