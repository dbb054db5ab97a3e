"""MLflow's SQL tracking stores with metric points in Headwater's blocks.

Only what reads or writes single points is overridden. Validation, errors, runs, latest metrics in
searches, logged models and all the rest are MLflow's own code.
"""

import contextlib
import inspect
import numbers
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import sqlalchemy
from mlflow.entities import Metric
from mlflow.entities.entity_type import EntityAssociationType
from mlflow.entities.metric import MetricWithRunId
from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES
from mlflow.exceptions import MlflowException
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.store.tracking.sqlalchemy_workspace_store import WorkspaceAwareSqlAlchemyStore
from mlflow.utils.search_utils import SearchUtils
from mlflow.utils.validation import _validate_metric

from headwater.entities.metric import Points, Series, storable
from headwater.errors import ConfigurationError
from headwater.mlflow_plugin.dialect import Dialect, dialect_of
from headwater.mlflow_plugin.uri import sqlalchemy_uri
from headwater.mlflow_release import behaviour_of
from headwater.server.settings import database_of
from headwater.storage.metadata.base import Connection
from headwater.storage.metrics.merge import by_step
from headwater.storage.migrations import HEAD_REVISION, REVISIONS, VERSION_TABLE
from headwater.storage.migrations.upgrade import upgrade
from headwater.tracking.get_metric_history_bulk_interval import sampled

_INT64 = range(-(1 << 63), 1 << 63)
_ARTIFACT_ROOT_VARIABLE = "_MLFLOW_SERVER_ARTIFACT_ROOT"
_READ_REPLICA_VARIABLE = "_MLFLOW_SERVER_READ_REPLICA_BACKEND_STORE"


class _MetricBlocks:
    """Mixin before one of MLflow's SQL stores."""

    ManagedSessionMaker: Any  # these two are MLflow's
    engine: sqlalchemy.Engine

    _samples_rows = behaviour_of(mlflow.__version__).samples_rows

    def __init__(self, db_uri: str, default_artifact_root: str) -> None:
        self._dialect = dialect_of(db_uri)
        super().__init__(db_uri, default_artifact_root)  # type: ignore[call-arg]  # MLflow's store
        # Releases before 3.13 have no read-only sessions to opt out of.
        parameters = inspect.signature(self.ManagedSessionMaker).parameters
        self._writing = {"read_only": False} if "read_only" in parameters else {}
        _complete_schema(self.engine, self._dialect)

    def _log_metrics(self: Any, run_id: str, metrics: Sequence[Metric]) -> None:
        """Store the points of one request as a block, in one transaction with latest metrics."""
        _validate(metrics)
        columns = _integer_columns(metrics)
        if columns is None:
            super()._log_metrics(run_id, metrics)  # type: ignore[misc]  # MLflow's rows hold these
            return
        points = _points(metrics, *columns)
        with self.ManagedSessionMaker(**self._writing) as session:
            with self._dialect.errors():
                self._dialect.begin_write(session, run_id)
            self._check_run_is_active(self._get_run(run_uuid=run_id, session=session))
            with self._dialect.errors():
                self._dialect.metrics.append(self._dialect.connection(session), run_id, points)

    def get_metric_history(
        self: Any,
        run_id: str,
        metric_key: str,
        max_results: int | None = None,
        page_token: str | None = None,
    ) -> PagedList:
        """See MLflow's store."""
        with self.ManagedSessionMaker() as session:
            self._validate_run_accessible(session, run_id)
            offset = SearchUtils.parse_start_offset_from_page_token(page_token)
            series = self._histories(session, [run_id], metric_key).get(run_id)
        if series is None:
            return PagedList([], None)
        start = max(offset, 0)  # as SQL takes a negative offset
        end = None if max_results is None or max_results < 0 else start + max_results
        token = None
        if max_results is not None and end is not None and end < len(series):
            token = SearchUtils.create_page_token(offset + max_results)
        return PagedList(list(_entities(metric_key, series.take(slice(start, end)))), token)

    def get_metric_history_bulk(
        self: Any, run_ids: Iterable[str], metric_key: str, max_results: int
    ) -> list[MetricWithRunId]:
        """See MLflow's store."""
        with self.ManagedSessionMaker() as session:
            accessible = self._filter_entity_ids(session, EntityAssociationType.RUN, list(run_ids))
            histories = self._histories(session, sorted(set(accessible)), metric_key)
        found: list[MetricWithRunId] = []
        for run_id, series in histories.items():
            end = None if max_results < 0 else max_results - len(found)
            found += _entities_of_run(run_id, metric_key, series.take(slice(end)))
        return found

    def get_max_step_for_metric(self: Any, run_id: str, metric_key: str) -> int:
        """See MLflow's store."""
        with self.ManagedSessionMaker() as session:
            self._validate_run_accessible(session, run_id)
            series = self._histories(session, [run_id], metric_key).get(run_id)
        return 0 if series is None else int(series.steps.max())

    def get_metric_history_bulk_interval_from_steps(
        self: Any, run_id: str, metric_key: str, steps: Iterable[int], max_results: int
    ) -> list[MetricWithRunId]:
        """See MLflow's store."""
        with self.ManagedSessionMaker() as session:
            self._validate_run_accessible(session, run_id)
            series = self._histories(session, [run_id], metric_key).get(run_id)
        if series is None:
            return []
        ordered = by_step(series)
        at = np.flatnonzero(np.isin(ordered.steps, np.array(list(steps), np.int64)))
        end = None if max_results < 0 else max_results
        return _entities_of_run(run_id, metric_key, ordered.take(at[:end]))

    def get_metric_history_bulk_interval(
        self: Any,
        run_ids: Sequence[str],
        metric_key: str,
        max_results: int,
        start_step: int | None,
        end_step: int | None,
    ) -> list[MetricWithRunId]:
        """See MLflow's store; the points are others where it thins out, and keep every spike."""
        if (start_step is None) != (end_step is None):
            raise MlflowException.invalid_parameter_value(
                "Both start_step and end_step must be specified together, "
                "or neither may be specified."
            )
        interval = None if start_step is None or end_step is None else (start_step, end_step)
        with self.ManagedSessionMaker() as session:
            for run_id in run_ids:
                self._validate_run_accessible(session, run_id)
            if self._samples_rows and any(step not in _INT64 for step in interval or ()):
                raise OverflowError("Python int too large to convert to SQLite INTEGER")
            self._dialect.begin_read(session)
            with self._dialect.errors():
                samples = sampled(
                    self._dialect.metrics,
                    self._dialect.connection(session),
                    run_ids,
                    metric_key,
                    max(1, max_results),
                    interval,
                    rows=self._samples_rows,
                )
        return [
            entity
            for run_id, series in samples
            for entity in _entities_of_run(run_id, metric_key, series)
        ]

    @contextlib.contextmanager
    def reading(self: Any) -> Iterator[Connection]:
        """Return a connection that sees one state of the database, for what is Headwater's."""
        with self.ManagedSessionMaker() as session:
            self._dialect.begin_read(session)
            with self._dialect.errors():
                yield self._dialect.connection(session)

    def _histories(
        self: Any, session: Any, run_ids: Sequence[str], metric_key: str
    ) -> dict[str, Series]:
        self._dialect.begin_read(session)
        with self._dialect.errors():
            found: dict[str, Series] = self._dialect.metrics.histories(
                self._dialect.connection(session), run_ids, metric_key
            )
        return found


class TrackingStore(_MetricBlocks, SqlAlchemyStore):
    """MLflow's tracking store, with metric points in blocks."""


class WorkspaceTrackingStore(_MetricBlocks, WorkspaceAwareSqlAlchemyStore):
    """MLflow's workspace-aware tracking store, with metric points in blocks."""


def open_store(store_uri: str, artifact_uri: str | None) -> TrackingStore | WorkspaceTrackingStore:
    """Open the database of a URI with or without ``headwater+``; see `tracking_store`."""
    if os.environ.get(_READ_REPLICA_VARIABLE):
        raise MlflowException.invalid_parameter_value(
            "A read replica cannot be used with a Headwater backend store"
        )
    try:
        database_of(store_uri, Path())
    except ConfigurationError as error:
        raise MlflowException.invalid_parameter_value(str(error)) from error
    artifact_root = artifact_uri or os.environ.get(
        _ARTIFACT_ROOT_VARIABLE, DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
    )
    store = WorkspaceTrackingStore if MLFLOW_ENABLE_WORKSPACES.get() else TrackingStore
    return store(sqlalchemy_uri(store_uri), artifact_root)


def _complete_schema(engine: sqlalchemy.Engine, dialect: Dialect) -> None:
    """Prepare the database, and create or update Headwater's tables where they need it."""
    with engine.connect() as connection:
        dialect.prepare(connection)
        revision = None
        if sqlalchemy.inspect(connection).has_table(VERSION_TABLE):
            revision = connection.exec_driver_sql(f"SELECT * FROM {VERSION_TABLE}").scalar()  # noqa: S608
    if revision is not None and revision not in REVISIONS:
        raise MlflowException.invalid_parameter_value(
            f"{engine.url.database} was written by a newer Headwater (its schema is {revision}); "
            "run: pip install --upgrade headwater"
        )
    if revision != HEAD_REVISION:
        upgrade(engine)


def _validate(metrics: Sequence[Metric]) -> None:
    single = len(metrics) == 1
    for index, metric in enumerate(metrics):
        path = "" if single else f"metrics[{index}]"
        _validate_metric(metric.key, metric.value, metric.timestamp, metric.step, path=path)


def _integer_columns(metrics: Sequence[Metric]) -> tuple[list[int], list[int]] | None:
    """Return steps and timestamps, or None where one of them is no 64-bit integer."""
    steps, timestamps = [metric.step for metric in metrics], [m.timestamp for m in metrics]
    for number in (*steps, *timestamps):
        if not isinstance(number, numbers.Integral) or int(number) not in _INT64:
            return None
    return [int(step) for step in steps], [int(timestamp) for timestamp in timestamps]


def _points(metrics: Sequence[Metric], steps: list[int], timestamps: list[int]) -> Points:
    positions: dict[str, int] = {}
    key_index = [positions.setdefault(metric.key, len(positions)) for metric in metrics]
    return Points(
        keys=tuple(positions),
        key_index=np.array(key_index, np.intp),
        steps=np.array(steps, np.int64),
        timestamps=np.array(timestamps, np.int64),
        values=storable(np.array([metric.value for metric in metrics], np.float64)),
    )


def _entities(key: str, series: Series) -> Iterator[Metric]:
    columns = (series.values.tolist(), series.timestamps.tolist(), series.steps.tolist())
    for value, timestamp, step in zip(*columns, strict=True):
        yield Metric(key, value, timestamp, step)


def _entities_of_run(run_id: str, key: str, series: Series) -> list[MetricWithRunId]:
    return [MetricWithRunId(run_id=run_id, metric=metric) for metric in _entities(key, series)]
