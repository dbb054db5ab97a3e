"""Memory of an idle server's whole process tree."""

import time
from collections.abc import Sequence

from benchmarks.points import API
from benchmarks.summary import Figure
from benchmarks.trial import Trial

_MEBIBYTE = 1 << 20
_MEGABYTE = 1_000_000


class IdleMemory(Trial):
    """Taken once, after every process of the tree has come up and before any load."""

    figures = (
        Figure("idle_memory", "idle memory, PSS", "MiB", "lower"),
        Figure("idle_memory", "idle memory, RSS", "MiB", "lower"),
        Figure("idle_memory", "idle memory, RSS of the front alone", "MB", "lower", bound=90),
    )
    rounds = 1

    def prepare(self) -> None:
        """Wait for an endpoint that MLflow's own code answers, then let the server settle."""
        self.server.wait_for(f"{API}/registered-models/search?max_results=1")
        time.sleep(self.scale.settle_seconds)

    def run(self) -> Sequence[float | None]:
        """Return proportional (shared pages split) and plain resident size of the tree, in MiB.

        The third number is the plain size of Headwater's own process, in MB: requests reach it
        first, and MLflow runs below it.
        """
        sizes = [process.memory_full_info() for process in self.server.processes()]
        front = sizes[0].rss / _MEGABYTE if self.server.contender.ours else None
        return [
            sum(size.pss for size in sizes) / _MEBIBYTE,
            sum(size.rss for size in sizes) / _MEBIBYTE,
            front,
        ]
