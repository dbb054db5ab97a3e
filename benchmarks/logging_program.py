"""Logs points by one client library and prints as JSON what a call took: a process of its own.

``python -m benchmarks.logging_program LIBRARY CALLS``; servers are named by MLFLOW_TRACKING_URI.
"""

import importlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

Log = Callable[[int, float], object]
"""Takes the step and a value."""

Finish = Callable[[], object]
"""Waits until all is where the library puts it in the end."""

_WARM_UP = 20


def _mlflow(synchronous: bool = True) -> tuple[Log, Finish]:
    mlflow = importlib.import_module("mlflow")
    mlflow.set_experiment("logging")
    mlflow.start_run()

    def log(step: int, value: float) -> None:
        mlflow.log_metric("loss", value, step=step, synchronous=synchronous)

    def finish() -> None:
        mlflow.flush_async_logging()
        mlflow.end_run()

    return log, finish


def _mlflow_async() -> tuple[Log, Finish]:
    return _mlflow(synchronous=False)


def _mlflow_without_store() -> tuple[Log, Finish]:
    log, finish = _mlflow()
    store = importlib.import_module("mlflow").MlflowClient()._tracking_client.store
    type(store).log_metric = lambda *_: None
    return log, finish


def _headwater() -> tuple[Log, Finish]:
    headwater = importlib.import_module("headwater")
    run = headwater.start_run("logging")

    def finish() -> None:
        run.end(wait=120)
        if not run.flush(0.0):
            raise RuntimeError("the server does not have everything")

    return lambda step, value: run.log({"loss": value}, step=step), finish


def _headwater_unsent() -> tuple[Log, Finish]:
    log, _ = _headwater()
    return log, lambda: None


def _aim() -> tuple[Log, Finish]:
    run = importlib.import_module("aim").Run(
        repo=tempfile.mkdtemp(), system_tracking_interval=None, log_system_params=False
    )
    return lambda step, value: run.track(value, name="loss", step=step), run.close


def _tensorboardx() -> tuple[Log, Finish]:
    writer = importlib.import_module("tensorboardX").SummaryWriter(tempfile.mkdtemp())
    return lambda step, value: writer.add_scalar("loss", value, step), writer.close


def _trackio() -> tuple[Log, Finish]:
    trackio = importlib.import_module("trackio")
    trackio.init(project="logging")
    return lambda step, value: trackio.log({"loss": value}, step=step), trackio.finish


def _wandb() -> tuple[Log, Finish]:
    wandb = importlib.import_module("wandb")
    run = wandb.init(mode="offline", dir=tempfile.mkdtemp(), settings={"console": "off"})
    return lambda step, value: run.log({"loss": value}, step=step), run.finish


LIBRARIES: dict[str, Callable[[], tuple[Log, Finish]]] = {
    "mlflow": _mlflow,
    "mlflow-async": _mlflow_async,
    "mlflow-without-store": _mlflow_without_store,
    "headwater": _headwater,
    "headwater-unsent": _headwater_unsent,
    "aim": _aim,
    "tensorboardX": _tensorboardx,
    "trackio": _trackio,
    "wandb": _wandb,
}
"""What begins to log, by library."""

WITHOUT_SERVER = ("trackio", "tensorboardX", "wandb", "aim")
"""Libraries of others that log to files of their own."""


def main(arguments: list[str]) -> None:
    """Log so many points and print what a call took."""
    library, calls = arguments[0], int(arguments[1])
    log, finish = LIBRARIES[library]()
    for step in range(_WARM_UP):
        log(step, 0.5)
    clock = time.perf_counter_ns
    took = [0] * calls
    begun = time.perf_counter()
    if calls >= 1_000_000:  # as a whole: the clock would take a good part of it
        for step in range(calls):
            log(step, 0.5)
    else:
        for step in range(calls):
            before = clock()
            log(step, 0.5)
            took[step] = clock() - before
    logged = time.perf_counter()
    finish()
    ended = time.perf_counter()
    took.sort()
    answer: dict[str, Any] = {
        "median_us": took[calls // 2] / 1000,
        "p999_us": took[min(calls - 1, calls * 999 // 1000)] / 1000,
        "logging_s": logged - begun,
        "durable_s": ended - begun,
    }
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
