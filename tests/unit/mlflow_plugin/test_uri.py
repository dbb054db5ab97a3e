"""Everything of MLflow that opens the backend store URI by itself takes ours."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.server import handlers
from mlflow.server.jobs.utils import _check_requirements
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as RegistryStore
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.tracking._model_registry.utils import _get_store as get_registry_store
from mlflow.tracking._tracking_service.utils import _get_store as get_tracking_store
from mlflow.tracking._workspace.registry import get_workspace_store
from mlflow.utils.uri import extract_db_type_from_uri
from tests.unit.mlflow_plugin.conftest import MLFLOWS_WARNINGS, rows

from headwater.mlflow_plugin.metric_store import TrackingStore, WorkspaceTrackingStore
from headwater.mlflow_plugin.tracking_store import open_tracking_store
from headwater.mlflow_plugin.uri import accept_scheme

pytestmark = MLFLOWS_WARNINGS


@pytest.fixture
def uri(new_database: Callable[[], Path]) -> str:
    return f"headwater+sqlite:///{new_database()}"


def test_clients_open_our_tracking_store(uri: str) -> None:
    store = get_tracking_store(uri)
    assert isinstance(store, TrackingStore)
    assert isinstance(store, SqlAlchemyStore)
    store.engine.dispose()


def test_clients_open_mlflows_registry(uri: str) -> None:
    store = get_registry_store(uri)
    assert isinstance(store, RegistryStore)
    store.create_registered_model("model")
    assert rows(Path(store.engine.url.database), "SELECT name FROM registered_models") == [
        ("model",)
    ]
    store.engine.dispose()


def test_servers_open_the_job_store(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    accept_scheme()
    monkeypatch.setattr(handlers, "_job_store", None)
    store = handlers._get_job_store(uri)
    assert store.db_type == "sqlite"
    assert list(store.list_jobs()) == []
    assert store.engine.dialect.name == "sqlite"
    store.engine.dispose()
    _check_requirements(uri)


def test_servers_open_the_workspace_store(uri: str) -> None:
    store = get_workspace_store(uri)
    assert [workspace.name for workspace in store.list_workspaces()] == ["default"]
    store._engine.dispose()


def test_workspaces_get_their_own_store(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    store: Any = open_tracking_store(uri, "mlflow-artifacts:/")
    assert isinstance(store, WorkspaceTrackingStore)
    store.engine.dispose()


def test_other_schemes_are_answered_as_before() -> None:
    accept_scheme()
    assert extract_db_type_from_uri("postgresql+psycopg2://host/db") == "postgresql"
    with pytest.raises(MlflowException, match="Invalid database engine"):
        extract_db_type_from_uri("file:///mlruns")


@pytest.mark.parametrize("rest", ["", "/", "/:memory:", "user@host/x.db"])
def test_uri_without_a_file_is_refused(rest: str) -> None:
    with pytest.raises(MlflowException, match="sqlite:///"):
        open_tracking_store(f"headwater+sqlite://{rest}", "mlflow-artifacts:/")


def test_read_replica_is_refused(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_MLFLOW_SERVER_READ_REPLICA_BACKEND_STORE", "sqlite:///replica.db")
    with pytest.raises(MlflowException, match="read replica"):
        open_tracking_store(uri, "mlflow-artifacts:/")


def test_empty_database_gets_its_tables(tmp_path: Path) -> None:
    store: Any = open_tracking_store(f"headwater+sqlite:///{tmp_path}/sub/x.db", "s3://bucket")
    assert store.get_experiment("0").artifact_location == "s3://bucket/0"
    assert rows(tmp_path / "sub" / "x.db", "SELECT * FROM headwater_metric_blocks") == []
    assert rows(tmp_path / "sub" / "x.db", "PRAGMA journal_mode") == [("wal",)]
    store.engine.dispose()


def test_newer_schema_of_ours_is_refused(uri: str) -> None:
    with closing(sqlite3.connect(uri.removeprefix("headwater+sqlite:///"))) as connection:
        connection.execute("UPDATE headwater_alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(MlflowException, match="pip install --upgrade headwater"):
        open_tracking_store(uri, "mlflow-artifacts:/")


@pytest.mark.parametrize("module", ["app", "metric_store", "model_registry_store", "uri"])
def test_import_order_does_not_matter(module: str) -> None:
    """MLflow loads our entry points while it is being imported, from wherever that began."""
    program = f"import headwater.mlflow_plugin.{module}, mlflow.server.handlers as handlers; "
    program += "assert 'headwater+sqlite' in handlers._tracking_store_registry._registry"
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, timeout=300)


def test_importing_mlflow_stays_cheap() -> None:
    """Clients of remote servers pay for our entry points with nothing but small modules."""
    program = (
        "import mlflow, sys\n"
        "ours = {name for name in sys.modules if name.startswith('headwater')}\n"
        "assert ours <= {'headwater', 'headwater.mlflow_plugin', 'headwater.mlflow_plugin.uri',"
        " 'headwater.entities', 'headwater.entities.reproduction',"
        " 'headwater.mlflow_plugin.run_context',"
        " 'headwater.mlflow_plugin.tracking_store', 'headwater.mlflow_plugin.client_store',"
        " 'headwater.mlflow_plugin.artifact_repository',"
        " 'headwater.mlflow_plugin.model_registry_store'}, ours"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, timeout=300)
