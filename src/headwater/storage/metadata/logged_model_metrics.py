"""Statements on MLflow's ``logged_model_metrics`` table."""

import math
from collections.abc import Iterable

from headwater.entities.metric import LARGEST, ModelMetric
from headwater.storage.metadata.base import Connection

_INSERT = """
    INSERT INTO logged_model_metrics (model_id, metric_name, metric_timestamp_ms, metric_step,
        metric_value, experiment_id, run_id, dataset_uuid, dataset_name, dataset_digest)
    VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?, ?)
"""


_MODEL = "SELECT 1 FROM logged_models WHERE model_id = ? AND lifecycle_stage = 'active'"
_INSERT_NEW = f"{_INSERT} ON CONFLICT DO NOTHING"


def insert(
    connection: Connection, run_id: str, experiment_id: int, metrics: Iterable[ModelMetric]
) -> None:
    """Insert points attributed to logged models; NaN is stored as 0, as MLflow does here.

    Raises:
        NotServedError: a point is there already, or a model does not exist.
    """
    connection.executemany(_INSERT, _rows(run_id, experiment_id, metrics))


def insert_new(
    connection: Connection, run_id: str, experiment_id: int, metrics: Iterable[ModelMetric]
) -> None:
    """Insert as `insert`, except those points that are there already; the models exist."""
    connection.executemany(_INSERT_NEW, _rows(run_id, experiment_id, metrics))


def missing_model(connection: Connection, model_ids: Iterable[str]) -> str | None:
    """Return one of the models that does not exist, None where all of them do."""
    for model_id in model_ids:
        if connection.execute(_MODEL, (model_id,)).fetchone() is None:
            return model_id
    return None


def _rows(
    run_id: str, experiment_id: int, metrics: Iterable[ModelMetric]
) -> list[tuple[object, ...]]:
    return [
        (
            metric.model_id,
            metric.key,
            metric.timestamp,
            metric.step,
            0.0 if math.isnan(metric.value) else min(max(metric.value, -LARGEST), LARGEST),
            experiment_id,
            run_id,
            metric.dataset_name,
            metric.dataset_digest,
        )
        for metric in metrics
    ]
