"""The points that benchmarks write, and the requests that carry them."""

import random
from collections.abc import Iterator, Sequence

import msgspec

from benchmarks.client import encode

API = "/api/2.0/mlflow"
FIRST_TIMESTAMP = 1_700_000_000_000


class Point(msgspec.Struct, frozen=True):
    """One metric value, in the shape of MLflow's REST messages."""

    key: str
    value: float
    timestamp: int
    step: int


class PointSource:
    """An endless training log: each step gives one noisy value per key, no step comes twice.

    Values carry all 52 bits of a float64's fraction, as losses computed in training do.
    """

    def __init__(
        self, seed: int, keys: int, *, prefix: str = "metric", first_step: int = 0
    ) -> None:
        self.keys = [f"{prefix}_{number}" for number in range(keys)]
        self._random = random.Random(seed)
        self._step = first_step

    def take(self, points: int) -> list[Point]:
        """Return the next points, in the order in which a training loop logs them."""
        steps, left = divmod(points, len(self.keys))
        if left:
            raise ValueError(f"{points} points do not divide into {len(self.keys)} keys")
        return [point for _ in range(steps) for point in self._next_step()]

    def take_steps(self, steps: int) -> list[list[Point]]:
        """Return the points of the next steps, a list for each."""
        return [list(self._next_step()) for _ in range(steps)]

    def _next_step(self) -> Iterator[Point]:
        step = self._step
        self._step += 1
        trend = 1.0 / (1.0 + step * 1e-3)
        for key in self.keys:
            value = trend + self._random.gauss(0.0, 0.01)
            yield Point(key, value, FIRST_TIMESTAMP + 50 * step, step)


def log_batch(run_id: str, points: Sequence[Point]) -> bytes:
    """Return a log-batch request as the stock client words it."""
    body = msgspec.json.encode({"run_id": run_id, "metrics": points})
    return encode("POST", f"{API}/runs/log-batch", body)


def log_metric(run_id: str, point: Point) -> bytes:
    """Return a log-metric request as the stock client words it."""
    body = msgspec.json.encode(
        {
            "run_uuid": run_id,
            "run_id": run_id,
            "key": point.key,
            "value": point.value,
            "timestamp": point.timestamp,
            "step": point.step,
        }
    )
    return encode("POST", f"{API}/runs/log-metric", body)
