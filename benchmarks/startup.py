"""From process start to the first healthy and the first useful answer."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.points import API
from benchmarks.servers import Contender, Server
from benchmarks.summary import Figure

FIGURES = (
    Figure("startup", "start to GET /health 200", "s", "lower", floor=5),
    Figure("startup", "start to first experiments/get", "s", "lower"),
)
EMPTY_FIGURES = (
    Figure("startup", "start to GET /health 200, empty directory", "s", "lower"),
    Figure("startup", "start to first experiments/get, empty directory", "s", "lower"),
)


def start_once(contender: Contender, directory: Path, template: Path | None) -> Sequence[float]:
    """Start a server alone on the machine, time its first answers and stop it."""
    server = Server(contender, directory, template)
    try:
        server.start()
        healthy = server.wait_for("/health")
        answered = server.wait_for(f"{API}/experiments/get?experiment_id=0")
        return [healthy, answered]
    finally:
        server.stop()
