"""What a call costs that logs a metric from Python, and when the server has a million of them."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.servers import Server
from benchmarks.summary import Figure
from benchmarks.trial import Trial

_SECONDS = 600
_STOCK_CALLS, _CALLS, _FAST_CALLS, _MILLION = 200, 3_000, 200_000, 1_000_000
_OTHERS = Path(".venv-peers-loggers/bin/python")
"""Made by ``tools/peers``."""

_DEAD = "headwater://127.0.0.1:9"
"""The port of the discard service, where nobody listens."""


class LogCall(Trial):
    """A process that trains calls ``mlflow.log_metric``: over HTTP, or Headwater's spool."""

    figures = (
        Figure("log_call", "mlflow.log_metric, median of a call", "us", "lower", floor=50),
        Figure("log_call", "the same, MLflow's async mode over HTTP", "us", "lower"),
    )
    rounds = 3

    def run(self) -> Sequence[float | None]:
        """Return microseconds of a call, synchronous and asynchronous."""
        url = _url(self.server, "headwater" if self.server.contender.ours else "http")
        calls = _CALLS if self.server.contender.ours else _STOCK_CALLS
        plain = run_program("mlflow", calls, url)["median_us"]
        return [plain, run_program("mlflow-async", _STOCK_CALLS, _url(self.server))["median_us"]]


class PythonRun(Trial):
    """``headwater.start_run`` in a hot loop, and what of ``mlflow.log_metric`` is MLflow's own."""

    figures = (
        Figure("log_call", "run.log, median of a call", "us", "lower", bound=3),
        Figure("log_call", "run.log, dead server, 99.9 % of calls", "us", "lower", bound=1000),
        Figure("log_call", "run.log, 1,000,000 points durable", "s", "lower", bound=3),
        Figure("log_call", "mlflow.log_metric beyond MLflow's own layer", "us", "lower", bound=20),
    )
    rounds = 3
    ours_only = True

    def run(self) -> Sequence[float | None]:
        """Return microseconds, microseconds, seconds and microseconds."""
        url = _url(self.server, "headwater")
        alone = run_program("headwater", _FAST_CALLS, url)
        dead = run_program("headwater-unsent", _FAST_CALLS, _DEAD)
        million = run_program("headwater", _MILLION, url)
        through = run_program("mlflow", _CALLS, url)
        layer = run_program("mlflow-without-store", _CALLS, url)
        beyond = through["median_us"] - layer["median_us"]
        return [alone["median_us"], dead["p999_us"], million["durable_s"], beyond]

    def note(self) -> str | None:
        """Return what a call of other libraries takes that are installed for comparison."""
        if not _OTHERS.exists():
            return None
        medians = []
        for library in ("trackio", "tensorboardX", "wandb"):
            took = run_program(library, _CALLS, "", python=_OTHERS)["median_us"]
            medians.append(f"{library} {took:.1f}")
        return f"median of a call in us, without a server: {', '.join(medians)}"


def _url(server: Server, scheme: str = "http") -> str:
    host, port = server.address
    return f"{scheme}://{host}:{port}"


def run_program(
    library: str, calls: int, url: str, *, python: Path | None = None
) -> dict[str, float]:
    """Return what `benchmarks.logging_program` prints, in a process with a spool of its own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        environment = {
            **os.environ,
            "MLFLOW_TRACKING_URI": url,
            "HEADWATER_SPOOL_DIR": directory,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "TRACKIO_DIR": directory,
        }
        ended = subprocess.run(
            [
                str(python or sys.executable),
                "-m",
                "benchmarks.logging_program",
                library,
                str(calls),
            ],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
    answer: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return answer
