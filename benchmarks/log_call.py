"""What a call costs that logs a metric from Python, and when the server has a million of them."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.client_process import LOGGERS, installed, run_program, url_of
from benchmarks.summary import Figure
from benchmarks.trial import Trial

_STOCK_CALLS, _CALLS, _FAST_CALLS, _MILLION = 200, 3_000, 200_000, 1_000_000
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
        url = url_of(self.server, "headwater" if self.server.contender.ours else "http")
        calls = _CALLS if self.server.contender.ours else _STOCK_CALLS
        plain = _log("mlflow", calls, url)["median_us"]
        return [plain, _log("mlflow-async", _STOCK_CALLS, url_of(self.server))["median_us"]]


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
        url = url_of(self.server, "headwater")
        alone = _log("headwater", _FAST_CALLS, url)
        dead = _log("headwater-unsent", _FAST_CALLS, _DEAD)
        million = _log("headwater", _MILLION, url)
        through = _log("mlflow", _CALLS, url)
        layer = _log("mlflow-without-store", _CALLS, url)
        beyond = through["median_us"] - layer["median_us"]
        return [alone["median_us"], dead["p999_us"], million["durable_s"], beyond]

    def note(self) -> str | None:
        """Return what a call of other libraries takes that are installed for comparison."""
        medians = []
        for library in installed(LOGGERS):
            took = _log(library, _CALLS, "", python=LOGGERS)["median_us"]
            medians.append(f"{library} {took:.1f}")
        if not medians:
            return None
        return f"median of a call in us, without a server: {', '.join(medians)}"


def _log(library: str, calls: int, url: str, *, python: Path | None = None) -> dict[str, float]:
    return run_program("logging_program", library, calls, url, python=python)
