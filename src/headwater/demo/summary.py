"""What the demo left on the server, asked back through MLflow's search."""

import statistics
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import mlflow
from rich.box import SIMPLE_HEAD
from rich.table import Table

from headwater.demo.plan import Task
from headwater.demo.training import ROLE_TAG, SESSION_TAG


@dataclass(frozen=True)
class TaskSummary:
    """One row of the table."""

    task: str
    family: str
    mean: float
    deviation: float
    """Standard deviation over the seeds; 0 for a single seed."""

    runs: int
    points: int
    seconds: float


def experiment_name(task: Task) -> str:
    """Return the name of the task's experiment."""
    return f"demo {task.name}"


def found_runs(task: Task, session: str, role: str) -> list[dict[str, Any]]:
    """Return this session's runs of a role as mappings of MLflow's search columns."""
    frame = mlflow.search_runs(
        experiment_names=[experiment_name(task)],
        filter_string=f"tags.`{SESSION_TAG}` = '{session}' and tags.`{ROLE_TAG}` = '{role}'",
        max_results=1000,
    )
    return list(frame.to_dict(orient="records"))


def summarise(task: Task, session: str) -> TaskSummary:
    """Return the best family of a task by its mean score over the seeds."""
    scores: defaultdict[str, list[float]] = defaultdict(list)
    runs = found_runs(task, session, "training")
    for run in runs:
        scores[run["tags.family"]].append(run[f"metrics.{task.score}"])
    family, best = max(scores.items(), key=lambda item: statistics.fmean(item[1]))
    (sweep,) = found_runs(task, session, "sweep")
    return TaskSummary(
        task=task.name,
        family=family,
        mean=statistics.fmean(best),
        deviation=statistics.stdev(best) if len(best) > 1 else 0.0,
        runs=len(runs),
        points=sum(count_points(run["run_id"]) for run in runs),
        seconds=(sweep["end_time"] - sweep["start_time"]).total_seconds(),
    )


def count_points(run_id: str) -> int:
    """Return how many metric points the server holds of a run."""
    client = mlflow.MlflowClient()
    keys = client.get_run(run_id).data.metrics
    return sum(len(client.get_metric_history(run_id, key)) for key in keys)


def table_of(summaries: list[TaskSummary]) -> Table:
    """Return the table that the demo prints."""
    table = Table(
        title="Best family of each task, over the seeds",
        box=SIMPLE_HEAD,
        padding=0,
        collapse_padding=True,
    )
    for column in ("task", "best family"):
        table.add_column(column, no_wrap=True)
    for column in ("test score", "runs", "points", "seconds"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in summaries:
        score = f"{row.mean:.3f} ± {row.deviation:.3f}"
        table.add_row(
            row.task, row.family, score, str(row.runs), f"{row.points:,}", f"{row.seconds:.1f}"
        )
    return table
