"""Log one point into a run."""

from headwater.entities.metric import Metric, ModelMetric
from headwater.errors import NotServedError
from headwater.storage.metadata import logged_model_metrics
from headwater.storage.metadata.base import Connection
from headwater.tracking import validate
from headwater.tracking.existing import require_active_run
from headwater.tracking.service import TrackingService

_LARGEST_INT64 = (1 << 63) - 1


async def log_metric(service: TrackingService, run_id: str, metric: Metric) -> None:
    """Store a point durably.

    Raises:
        NotFoundError: the run does not exist.
        NotServedError: the point is not ordinary.
    """
    validate.key(metric.key)
    if not 0 <= metric.timestamp <= _LARGEST_INT64 or not abs(metric.step) <= _LARGEST_INT64:
        raise NotServedError("a timestamp or step out of range")
    await service.database.write(lambda connection: _store(service, connection, run_id, metric))


def _store(service: TrackingService, connection: Connection, run_id: str, metric: Metric) -> None:
    experiment_id = require_active_run(connection, run_id)
    if metric.model_id is not None:
        attributed = ModelMetric(
            metric.model_id,
            metric.key,
            metric.step,
            metric.timestamp,
            metric.value,
            metric.dataset_name,
            metric.dataset_digest,
        )
        logged_model_metrics.insert(connection, run_id, experiment_id, [attributed])
    service.metrics.append_point(
        connection, run_id, metric.key, metric.step, metric.timestamp, metric.value
    )
