"""What the demo trains: tasks, model families and seeds, known before anything runs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor

EPOCHS = 60
"""Passes over the training data of an iterative family."""

BATCH = 32
"""Rows of one step of an iterative family."""

TEST_SHARE = 0.25
"""Part of each data set that is held out for the test."""


@dataclass(frozen=True)
class Family:
    """One kind of model; a seed makes an instance of it."""

    name: str
    build: Callable[[int], Any]
    epochs: int = 0
    """Number of epochs to train and log one by one; 0 fits at once."""


@dataclass(frozen=True)
class Task:
    """One data set and the families that compete on it."""

    name: str
    load: Callable[[], Any]
    score: str
    """Name of the metric, higher is better, that picks the champion."""

    families: tuple[Family, ...]
    classifies: bool


@dataclass(frozen=True)
class PlannedRun:
    """One training run that the demo must leave behind."""

    task: Task
    family: Family
    seed: int

    @property
    def name(self) -> str:
        """The run's name in MLflow."""
        return f"{self.family.name}-seed{self.seed}"


CLASSIFIERS = (
    Family("logistic-regression", lambda seed: LogisticRegression(max_iter=500, random_state=seed)),
    Family("nearest-neighbours", lambda seed: KNeighborsClassifier(5 + 2 * (seed % 3))),
    Family("random-forest", lambda seed: RandomForestClassifier(60, random_state=seed)),
    Family(
        "neural-network",
        lambda seed: MLPClassifier(hidden_layer_sizes=(48,), random_state=seed),
        epochs=EPOCHS,
    ),
)

REGRESSORS = (
    Family("ridge", lambda seed: Ridge(alpha=1.0 + seed, random_state=seed)),
    Family("nearest-neighbours", lambda seed: KNeighborsRegressor(11 + 4 * (seed % 3))),
    Family("random-forest", lambda seed: RandomForestRegressor(60, random_state=seed)),
    Family(
        "neural-network",
        lambda seed: MLPRegressor(
            hidden_layer_sizes=(48,), learning_rate_init=0.003, random_state=seed
        ),
        epochs=EPOCHS,
    ),
)

TASKS = (
    Task("breast-cancer", load_breast_cancer, "test_accuracy", CLASSIFIERS, classifies=True),
    Task("wine", load_wine, "test_accuracy", CLASSIFIERS, classifies=True),
    Task("diabetes", load_diabetes, "test_r2", REGRESSORS, classifies=False),
    Task("digits", load_digits, "test_accuracy", CLASSIFIERS, classifies=True),
)


def choose_tasks(names: Sequence[str]) -> tuple[Task, ...]:
    """Return the named tasks, or all of them where no name is given.

    Raises:
        ValueError: a name is unknown.
    """
    known = {task.name: task for task in TASKS}
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ValueError(f"unknown task {', '.join(unknown)}; choose from {', '.join(known)}")
    return tuple(task for task in TASKS if not names or task.name in names)


def planned_runs(task: Task, seeds: int) -> Iterator[PlannedRun]:
    """Yield the training runs of a task, family by family."""
    for family in task.families:
        for seed in range(seeds):
            yield PlannedRun(task, family, seed)
