"""Log points, params and tags into a run, all or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.entities.metric import ModelMetric, Points
from headwater.errors import NotServedError
from headwater.storage.metadata import logged_model_metrics, params, runs, tags
from headwater.storage.metadata.base import Connection
from headwater.tracking import validate
from headwater.tracking.existing import require_active_run
from headwater.tracking.service import TrackingService
from headwater.wire.log_batch import LogBatch

_MOST_METRICS = 1_000
_MOST_PARAMS = 100
_MOST_TAGS = 100
_MOST_ENTITIES = 1_000


@dataclass(frozen=True, slots=True)
class LogBatchPlan:
    """A batch that MLflow would take exactly as it is."""

    run_id: str
    points: Points
    model_metrics: Sequence[ModelMetric]
    params: Sequence[tuple[str, str]]
    tags: Sequence[tuple[str, str]]
    run_name: str | None
    """The run's new name, where the tags hold one."""


def plan_log_batch(batch: LogBatch) -> LogBatchPlan:
    """Check a batch against MLflow's rules.

    Raises:
        NotServedError: MLflow might refuse, shorten or normalise some of it.
    """
    validate.run_id(batch.run_id)
    _require_sizes(len(batch.points), len(batch.params), len(batch.tags))
    for key in batch.points.keys:
        validate.key(key)
    if len(batch.points) and batch.points.timestamps.min() < 0:
        raise NotServedError("a negative timestamp")
    for key, value in batch.params:
        validate.key(key)
        validate.param_value(value)
    if len(dict(batch.params)) < len(batch.params):
        raise NotServedError("a param occurs twice")
    names = [value for key, value in batch.tags if key == tags.RUN_NAME]
    if len(names) > 1 or "" in names:
        raise NotServedError("an empty or repeated run name")
    for key, value in batch.tags:
        validate.key(key)
        validate.tag_value(value)
    return LogBatchPlan(
        batch.run_id,
        batch.points,
        batch.model_metrics,
        batch.params,
        [(key, value) for key, value in batch.tags if key != tags.RUN_NAME],
        names[0] if names else None,
    )


async def log_batch(service: TrackingService, batch: LogBatch) -> None:
    """Store a batch durably.

    Raises:
        NotFoundError: the run does not exist.
        NotServedError: the batch is not ordinary, or a param has another value already.
    """
    plan = plan_log_batch(batch)
    await service.database.write(lambda connection: _store(service, connection, plan))


def _store(service: TrackingService, connection: Connection, plan: LogBatchPlan) -> None:
    experiment_id = require_active_run(connection, plan.run_id)
    if plan.params:
        stored = params.insert_missing(connection, plan.run_id, plan.params)
        if stored and stored != dict(plan.params):
            raise NotServedError("a param has another value already")
    service.metrics.append(connection, plan.run_id, plan.points)
    if plan.model_metrics:
        logged_model_metrics.insert(connection, plan.run_id, experiment_id, plan.model_metrics)
    if plan.tags:
        tags.upsert(connection, plan.run_id, plan.tags)
    if plan.run_name is not None:
        runs.rename(connection, plan.run_id, plan.run_name)


def _require_sizes(metrics: int, params: int, tags: int) -> None:
    if (
        metrics > _MOST_METRICS
        or params > _MOST_PARAMS
        or tags > _MOST_TAGS
        or metrics + params + tags > _MOST_ENTITIES
    ):
        raise NotServedError("a batch beyond MLflow's limits")
