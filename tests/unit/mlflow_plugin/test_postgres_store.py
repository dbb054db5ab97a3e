"""MLflow's stores on PostgreSQL, opened by the ``headwater+postgresql`` scheme."""

import math
from collections.abc import Iterator

import psycopg
import pytest
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.server import handlers
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as RegistryStore
from mlflow.tracking._model_registry.utils import _get_store as get_registry_store
from mlflow.tracking._tracking_service.utils import _get_store as get_tracking_store
from tests.postgres import Postgres
from tests.unit.mlflow_plugin.conftest import MLFLOWS_WARNINGS

from headwater.mlflow_plugin.metric_store import TrackingStore
from headwater.mlflow_plugin.uri import accept_scheme
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.postgres import PostgresDatabase
from headwater.storage.metrics.postgres import PostgresMetricEngine

pytestmark = MLFLOWS_WARNINGS

ENGINE = PostgresMetricEngine()


@pytest.fixture
def plain_uri(postgres: Postgres, postgres_template: str) -> Iterator[str]:
    uri = postgres.create(template=postgres_template)
    yield uri
    postgres.drop(uri)


@pytest.fixture
def store(plain_uri: str) -> Iterator[TrackingStore]:
    opened = get_tracking_store(f"headwater+{plain_uri}", "mlflow-artifacts:/")
    assert isinstance(opened, TrackingStore)
    yield opened
    opened.engine.dispose()


def create_run(store: TrackingStore) -> str:
    run_id: str = store.create_run("0", "me", 1, [], "a run").info.run_id
    return run_id


def test_points_are_stored_in_blocks_and_read_back(store: TrackingStore, plain_uri: str) -> None:
    run_id = create_run(store)
    points = [Metric("loss", value, 10 + step, step) for step, value in enumerate([1.5, math.nan])]
    store.log_batch(run_id, [*points, Metric("acc", math.inf, 1, 1)], [Param("p", "1")], [])
    store.log_metric(run_id, Metric("loss", -1.0, 12, 2))
    with psycopg.connect(plain_uri) as connection:
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM headwater_metric_blocks), (SELECT count(*) FROM metrics)"
        ).fetchone()
    assert counts == (2, 0)
    history = store.get_metric_history(run_id, "loss")
    assert [(m.step, m.timestamp) for m in history] == [(0, 10), (1, 11), (2, 12)]
    assert math.isnan(history[1].value)
    sampled = store.get_metric_history_bulk_interval([run_id], "loss", 10, None, None)
    assert [metric.step for metric in sampled] == [0, 1, 2]
    assert store.get_run(run_id).data.metrics["loss"] == -1.0


def test_the_front_s_engine_and_the_store_read_each_other(
    store: TrackingStore, plain_uri: str
) -> None:
    run_id = create_run(store)
    store.log_metric(run_id, Metric("loss", 0.5, 1, 0))
    database = PostgresDatabase(plain_uri)

    def steps(connection: Connection) -> list[int]:
        series = ENGINE.history(connection, run_id, "loss")
        assert series is not None
        return [int(step) for step in series.steps]

    assert database.read_now(steps) == [0]
    database.close()


def test_refusals_are_mlflow_s(store: TrackingStore) -> None:
    with pytest.raises(MlflowException, match="not found"):
        store.log_metric("0" * 32, Metric("loss", 0.5, 1, 0))
    with pytest.raises(MlflowException, match="value"):
        store.log_metric(create_run(store), Metric("loss", "x", 1, 0))
    run_id = create_run(store)
    store.delete_run(run_id)
    with pytest.raises(MlflowException, match="active"):
        store.log_metric(run_id, Metric("loss", 0.5, 1, 0))
    assert list(store.get_metric_history(run_id, "loss")) == []


def test_a_broken_connection_is_mlflow_s_error_and_not_for_good(store: TrackingStore) -> None:
    run_id = create_run(store)
    store.log_metric(run_id, Metric("loss", 0.5, 1, 0))
    url = store.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    store.log_metric(run_id, Metric("loss", 0.5, 2, 1))
    assert len(store.get_metric_history(run_id, "loss")) == 2


def test_mlflow_s_other_stores_open_the_same_database(
    plain_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"headwater+{plain_uri}"
    registry = get_registry_store(uri)
    assert isinstance(registry, RegistryStore)
    registry.create_registered_model("model")
    registry.engine.dispose()
    accept_scheme()
    monkeypatch.setattr(handlers, "_job_store", None)
    jobs = handlers._get_job_store(uri)
    assert jobs.db_type == "postgresql"
    assert list(jobs.list_jobs()) == []
    jobs.engine.dispose()
