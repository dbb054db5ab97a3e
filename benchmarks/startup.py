"""From process start to the first healthy and the first useful answer."""

from collections.abc import Sequence

from benchmarks.points import API
from benchmarks.servers import Server
from benchmarks.summary import Figure

RESTART = (
    Figure("startup", "restart to GET /health 200", "s", "lower", floor=5),
    Figure("startup", "restart to first experiments/get", "s", "lower", floor=5),
)
FIRST_OPENING = (
    Figure("startup", "first start on an MLflow database to first answer", "s", "lower"),
)
EMPTY = (Figure("startup", "first start on nothing to first answer", "s", "lower"),)


def time_start(server: Server) -> Sequence[float]:
    """Start a server alone on the machine, time its first answers and stop it."""
    try:
        server.start()
        healthy = server.wait_for("/health")
        answered = server.wait_for(f"{API}/experiments/get?experiment_id=0")
        return [healthy, answered]
    finally:
        server.stop()
