"""Logs what machine and process use, every few seconds, from a thread of its own."""

import importlib
import logging
import threading
import time
from collections.abc import Callable, Mapping

import psutil

from headwater.client.system_metrics.host import Host, Process

PREFIX = "system/"
"""Where MLflow's UI looks for them."""

_logger = logging.getLogger(__name__)

Log = Callable[[Mapping[str, float], int, int], object]
"""Takes values, step and milliseconds since the epoch."""


class Monitor:
    """Samples this process, and the machine where `with_host`, until it is stopped."""

    def __init__(self, log: Log, *, with_host: bool, seconds: float) -> None:
        self._log = log
        self._seconds = seconds
        self._samplers: list[Callable[[], Mapping[str, float]]] = [Process().sample]
        if with_host:
            self._samplers += [Host().sample, *_gpus()]
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name="headwater-system-metrics", daemon=True
        )

    def start(self) -> None:
        """Begin sampling."""
        self._thread.start()

    def stop(self) -> None:
        """Take a last sample, and end."""
        if not self._stopped.is_set():
            self._stopped.set()
            self._thread.join()

    def sample(self) -> dict[str, float]:
        """Return the values of now by their keys."""
        values: dict[str, float] = {}
        for read in self._samplers:
            try:
                values.update(read())
            except (OSError, psutil.Error) as error:
                _logger.warning("some of the machine's use cannot be read: %s", error)
        return {f"{PREFIX}{name}": round(value, 1) for name, value in values.items()}

    def _run(self) -> None:
        step = 0
        while True:
            is_last = self._stopped.wait(self._seconds)
            self._log(self.sample(), step, time.time_ns() // 1_000_000)
            step += 1
            if is_last:
                return


def _gpus() -> list[Callable[[], Mapping[str, float]]]:
    try:
        nvml = importlib.import_module("headwater.client.system_metrics.nvml")
    except ImportError:
        return []
    gpus = nvml.open_gpus()
    return [lambda: nvml.sample_gpus(gpus)] if gpus else []
