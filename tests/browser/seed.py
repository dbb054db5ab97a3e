"""Fills a server with runs that look like somebody's: two projects, three models, several seeds."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

API = "/api/2.0/mlflow"
SPIKE = 97.0
"""A value that one run's loss has once, far above all others."""

SPIKE_STEP = 2_345
LONG = 4_000
"""Points of the long run, more than a chart draws."""

HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'


@dataclass
class Site:
    """What is on the server."""

    url: str
    experiments: dict[str, str] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    """Ids by name."""


class Filler:
    """Creates what tests look at, by the public API."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=60)
        self.site = Site(url)

    def __enter__(self) -> "Filler":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def post(self, path: str, **body: Any) -> Any:
        answer = self._client.post(path, json=body)
        answer.raise_for_status()
        return answer.json()

    def experiment(self, name: str, project: str | None = None) -> str:
        tags = [] if project is None else [{"key": "headwater.project", "value": project}]
        created = self.post(f"{API}/experiments/create", name=name, tags=tags)
        self.site.experiments[name] = str(created["experiment_id"])
        return self.site.experiments[name]

    def run(
        self,
        experiment: str,
        name: str,
        params: dict[str, Any],
        curves: dict[str, list[float]],
        *,
        start: int,
        status: str = "FINISHED",
        seconds: float = 60.0,
    ) -> str:
        """Create a run; the points of a curve are one a step, evenly over its time."""
        created = self.post(
            f"{API}/runs/create", experiment_id=experiment, run_name=name, start_time=start
        )
        run_id = str(created["run"]["info"]["run_id"])
        self.site.runs[name] = run_id
        pairs = [{"key": key, "value": str(value)} for key, value in params.items()]
        self.post(f"{API}/runs/log-batch", run_id=run_id, params=pairs)
        for metrics in _batches(curves, start, seconds):
            self.post(f"{API}/runs/log-batch", run_id=run_id, metrics=metrics)
        if status != "RUNNING":
            end = start + int(seconds * 1000)
            self.post(f"{API}/runs/update", run_id=run_id, status=status, end_time=end)
        return run_id


def _batches(
    curves: dict[str, list[float]], start: int, seconds: float
) -> Iterator[list[dict[str, Any]]]:
    for key, values in curves.items():
        pause = seconds * 1000 / max(1, len(values))
        points = [
            {"key": key, "value": value, "step": step, "timestamp": start + int(step * pause)}
            for step, value in enumerate(values)
        ]
        for begin in range(0, len(points), 1000):
            yield points[begin : begin + 1000]


def curve(chance: random.Random, points: int, floor: float, rate: float) -> list[float]:
    """Return a loss that falls to a floor, with noise."""
    return [
        floor + 2.2 * math.exp(-rate * step / points) + chance.gauss(0, 0.025)
        for step in range(points)
    ]


def fill(url: str, *, seeds: int = 4, flat: int = 130, now: int) -> Site:
    """Fill a server; `flat` runs have one value a metric, for the table."""
    chance = random.Random(7)
    with Filler(url) as filler:
        vision = filler.experiment("vision/resnet-sweep", "team/vision")
        text = filler.experiment("text-classifier", "team/language")
        for index in range(flat):
            lr = 10 ** chance.uniform(-4, -1)
            accuracy = 0.95 - 0.08 * abs(math.log10(lr) + 2.5) + chance.gauss(0, 0.01)
            filler.run(
                text,
                f"sweep-{index:03d}",
                {
                    "lr": f"{lr:.2e}",
                    "layers": chance.choice([2, 4, 8]),
                    "optimizer": chance.choice(["adam", "sgd", "lion"]),
                },
                {"accuracy": [accuracy], "f1": [accuracy - 0.03]},
                start=now - (flat - index) * 600_000,
                status="FAILED" if index % 29 == 3 else "FINISHED",
                seconds=chance.uniform(20, 4000),
            )
        for rate, model in enumerate(["mlp", "resnet18", "vit-tiny"]):
            for seed in range(seeds):
                loss = curve(chance, 400, 0.42 - 0.1 * rate, 5 + 2 * rate)
                filler.run(
                    vision,
                    f"{model}-seed{seed}",
                    {"model": model, "seed": seed, "lr": 0.001, "batch_size": 128},
                    {
                        "train/loss": loss,
                        "val/loss": [value + 0.08 for value in loss[::8]],
                        "val/accuracy": [1 - value / 2.8 for value in loss[::8]],
                        "test/accuracy": [1 - loss[-1] / 2.8],
                    },
                    start=now - (3 - rate) * 86_400_000 - seed * 3_600_000,
                    seconds=1800,
                )
        long = curve(chance, LONG, 0.3, 6)
        long[SPIKE_STEP] = SPIKE
        filler.run(
            vision,
            "long",
            {"model": "resnet50", "seed": 0},
            {"train/loss": long},
            start=now - 7_200_000,
            seconds=7000,
        )
        filler.run(
            vision,
            HOSTILE,
            {"model": HOSTILE, "seed": 0},
            {"train/loss": curve(chance, 50, 0.5, 4), "odd key / 1": [1.0]},
            start=now - 60_000,
        )
        filler.run(
            vision,
            "going",
            {"model": "vit-tiny", "seed": 9},
            {"train/loss": curve(chance, 60, 0.2, 4)},
            start=now - 30_000,
            status="RUNNING",
            seconds=30,
        )
        return filler.site
