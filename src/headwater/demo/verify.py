"""Checks that the server holds everything the demo logged."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import mlflow

from headwater.demo.champion import score_champion
from headwater.demo.plan import BATCH, TEST_SHARE, PlannedRun, Task, planned_runs
from headwater.demo.summary import found_runs
from headwater.demo.training import CONFUSION_MATRIX, Trained


@dataclass(frozen=True)
class TaskResult:
    """What the demo did for one task."""

    task: Task
    trained: tuple[Trained, ...]
    best: Trained


def problems_of(result: TaskResult, session: str, seeds: int) -> Iterator[str]:
    """Yield a line for each thing that the server should hold and does not."""
    runs = {run["tags.mlflow.runName"]: run for run in found_runs(result.task, session, "training")}
    expected = {planned.name: planned for planned in planned_runs(result.task, seeds)}
    scores = {trained.planned.name: trained.score for trained in result.trained}
    for name in sorted(set(expected) ^ set(runs)):
        yield f"{result.task.name}: run {name} is {'missing' if name in expected else 'unexpected'}"
    for name in expected.keys() & runs.keys():
        for problem in _problems_of_run(expected[name], runs[name], scores[name]):
            yield f"{result.task.name}/{name}: {problem}"
    loaded = score_champion(result.task, result.best)
    if not math.isclose(loaded, result.best.score, abs_tol=1e-9):
        yield f"{result.task.name}: the champion scores {loaded}, not {result.best.score}"


def _problems_of_run(planned: PlannedRun, run: dict[str, Any], score: float) -> Iterator[str]:
    if run["status"] != "FINISHED":
        yield f"status is {run['status']}"
    if run[f"metrics.{planned.task.score}"] != score:
        yield f"{planned.task.score} is {run[f'metrics.{planned.task.score}']}, not {score}"
    client = mlflow.MlflowClient()
    if planned.family.epochs:
        yield from _problems_of_histories(client, planned, run["run_id"])
    else:
        yield from _problems_of_autologging(client, run["run_id"])
    artifacts = {entry.path for entry in client.list_artifacts(run["run_id"])}
    if planned.task.classifies and CONFUSION_MATRIX not in artifacts:
        yield f"artifact {CONFUSION_MATRIX} is missing"


def _problems_of_histories(client: Any, planned: PlannedRun, run_id: str) -> Iterator[str]:
    quality = "accuracy" if planned.task.classifies else "r2"
    epochs = planned.family.epochs
    per_epoch = [f"{part}_{name}" for part in ("train", "validation") for name in ("loss", quality)]
    rows = len(planned.task.load().target)
    training_rows = rows - math.ceil(rows * TEST_SHARE)
    lengths = dict.fromkeys(per_epoch, epochs)
    lengths["batch_loss"] = epochs * math.ceil(training_rows / BATCH)
    for key, length in lengths.items():
        steps = [metric.step for metric in client.get_metric_history(run_id, key)]
        if steps != list(range(length)):
            yield f"metric {key} has {len(steps)} points, expected steps 0 to {length - 1}"


def _problems_of_autologging(client: Any, run_id: str) -> Iterator[str]:
    data = client.get_run(run_id).data
    if not any(key.startswith("training_") for key in data.metrics):
        yield "autologging left no training metric"
    if not any(key.startswith("model__") for key in data.params):
        yield "autologging left no parameter of the model"
