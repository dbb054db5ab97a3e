"""Trains one planned run and logs it, as a script of any MLflow user would."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import mlflow
import numpy as np
from mlflow.entities import Metric
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, log_loss, mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from headwater.demo.plan import BATCH, TEST_SHARE, PlannedRun, Task

Floats = NDArray[np.float64]
CONFUSION_MATRIX = "confusion_matrix.json"
SESSION_TAG = "demo.session"
ROLE_TAG = "demo.role"


@dataclass(frozen=True, eq=False)
class Split:
    """A data set, divided by a seed."""

    train_x: Floats
    test_x: Floats
    train_y: Floats
    test_y: Floats
    labels: tuple[str, ...]
    """Class names; empty where the task is a regression."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A finished run."""

    planned: PlannedRun
    run_id: str
    score: float
    model: Any
    split: Split


def load_split(task: Task, seed: int) -> Split:
    """Return the task's data with a part held out for the test."""
    data = task.load()
    train_x, test_x, train_y, test_y = train_test_split(
        data.data,
        data.target,
        test_size=TEST_SHARE,
        random_state=seed,
        stratify=data.target if task.classifies else None,
    )
    labels = tuple(str(name) for name in data.target_names) if task.classifies else ()
    return Split(train_x, test_x, train_y, test_y, labels)


def train(planned: PlannedRun, session: str) -> Trained:
    """Train and log one run, nested in the active one."""
    split = load_split(planned.task, planned.seed)
    tags = {
        SESSION_TAG: session,
        ROLE_TAG: "training",
        "family": planned.family.name,
        "seed": str(planned.seed),
    }
    with mlflow.start_run(run_name=planned.name, nested=True, tags=tags) as run:
        started = time.perf_counter()
        if planned.family.epochs:
            model = _fit_by_epochs(planned, split, run.info.run_id)
        else:
            model = _fit_at_once(planned, split)
        score = float(model.score(split.test_x, split.test_y))
        mlflow.log_metrics(
            {planned.task.score: score, "fit_seconds": time.perf_counter() - started}
        )
        if split.labels:
            _log_confusion(model, split)
    return Trained(planned, run.info.run_id, score, model, split)


def _fit_at_once(planned: PlannedRun, split: Split) -> Any:
    """Fit under autologging, which records parameters, training metrics and plots."""
    model = Pipeline([("scale", StandardScaler()), ("model", planned.family.build(planned.seed))])
    return model.fit(split.train_x, split.train_y)


def _fit_by_epochs(planned: PlannedRun, split: Split, run_id: str) -> Any:
    """Fit batch by batch; log every batch's loss and every epoch's quality."""
    scaler = StandardScaler().fit(split.train_x)
    estimator = planned.family.build(planned.seed)
    mlflow.log_params({"batch_size": BATCH, "epochs": planned.family.epochs, **_shape(estimator)})
    classes = {"classes": np.unique(split.train_y)} if planned.task.classifies else {}
    train_x, test_x = scaler.transform(split.train_x), scaler.transform(split.test_x)
    generator = np.random.default_rng(planned.seed)
    client = mlflow.MlflowClient()
    step = 0
    for epoch in range(planned.family.epochs):
        batch_losses: list[Metric] = []
        for rows in _batches(len(train_x), generator):
            estimator.partial_fit(train_x[rows], split.train_y[rows], **classes)
            now = int(time.time() * 1000)
            batch_losses.append(Metric("batch_loss", float(estimator.loss_), now, step))
            step += 1
        client.log_batch(run_id, metrics=batch_losses)
        quality = {
            **_quality("train", estimator, train_x, split.train_y, planned.task),
            **_quality("validation", estimator, test_x, split.test_y, planned.task),
        }
        mlflow.log_metrics(quality, step=epoch)
    return Pipeline([("scale", scaler), ("model", estimator)])


def _batches(rows: int, generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    order = generator.permutation(rows)
    for start in range(0, rows, BATCH):
        yield order[start : start + BATCH]


def _quality(prefix: str, estimator: Any, x: Floats, y: Floats, task: Task) -> dict[str, float]:
    """Return loss and score of an estimator that is still being trained."""
    if task.classifies:
        loss = log_loss(y, estimator.predict_proba(x), labels=estimator.classes_)
        return {f"{prefix}_loss": float(loss), f"{prefix}_accuracy": float(estimator.score(x, y))}
    loss = mean_squared_error(y, estimator.predict(x))
    return {f"{prefix}_loss": float(loss), f"{prefix}_r2": float(estimator.score(x, y))}


def _shape(estimator: Any) -> dict[str, object]:
    names = ("hidden_layer_sizes", "activation", "solver", "alpha", "learning_rate_init")
    return {name: getattr(estimator, name) for name in names}


def _log_confusion(model: Any, split: Split) -> None:
    matrix = confusion_matrix(split.test_y, model.predict(split.test_x))
    mlflow.log_dict(
        {"labels": list(split.labels), "rows_true_columns_predicted": matrix.tolist()},
        CONFUSION_MATRIX,
    )
