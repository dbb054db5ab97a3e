"""Memory of an idle server's whole process tree."""

import time
from collections.abc import Sequence

from benchmarks.points import API
from benchmarks.summary import Figure
from benchmarks.trial import Trial

_MEBIBYTE = 1 << 20


class IdleMemory(Trial):
    """Taken once, after every process of the tree has come up and before any load."""

    figures = (
        Figure("idle_memory", "idle memory, PSS", "MiB", "lower"),
        Figure("idle_memory", "idle memory, RSS", "MiB", "lower"),
    )
    rounds = 1

    def prepare(self) -> None:
        """Wait for an endpoint that MLflow's own code answers, then let the server settle."""
        self.server.wait_for(f"{API}/registered-models/search?max_results=1")
        time.sleep(self.scale.settle_seconds)

    def run(self) -> Sequence[float]:
        """Return proportional (shared pages split) and plain resident size, in MiB."""
        sizes = [process.memory_full_info() for process in self.server.processes()]
        return [
            sum(size.pss for size in sizes) / _MEBIBYTE,
            sum(size.rss for size in sizes) / _MEBIBYTE,
        ]
