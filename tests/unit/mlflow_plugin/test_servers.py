"""`mlflow server` with Headwater in it, as users start it and through the stock client."""

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric
from tests.unit.mlflow_plugin.conftest import MLFLOWS_WARNINGS

from headwater.mlflow_release import installed_release
from headwater.storage.metadata.inspect import OWN_TABLES
from headwater.storage.metadata.prepare import create
from headwater.storage.migrations import VERSION_TABLE

pytestmark = [pytest.mark.slow, *MLFLOWS_WARNINGS]

START_SECONDS = 300
HEALTHCHECK_SECONDS = 120
"""Workers that a busy machine starts slowly are not stuck."""


@dataclass(frozen=True)
class Server:
    url: str
    database: Path
    log: Path


@contextlib.contextmanager
def mlflow_server(
    directory: Path,
    *arguments: str,
    healthcheck_seconds: int = HEALTHCHECK_SECONDS,
    **environment: str,
) -> Iterator[Server]:
    """Run `mlflow server` on a free port; it is ready on entry and gone on exit."""
    log = directory / "server.log"
    inherited = {name: value for name, value in os.environ.items() if "MLFLOW" not in name}
    options = f"--timeout-worker-healthcheck {healthcheck_seconds}"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [
                sys.executable, "-W", "ignore", "-m", "mlflow", "server", "--port", "0",
                "--uvicorn-opts", options, *arguments,
            ],
            cwd=directory,
            env={
                **inherited,
                "MLFLOW_DISABLE_TELEMETRY": "true",
                # The job runner is a dozen processes of a hundred megabytes each.
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
                **environment,
            },
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield Server(_ready(process, log), directory / "mlflow.db", log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _ready(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"running on (http://\S+)", log.read_text()):
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{found[1]}/health", timeout=60).status_code == 200:
                    return found[1]
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def count(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        found: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return found


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a database that stock MLflow could have made."""
    directory = tmp_path_factory.mktemp("server")
    path = directory / "mlflow.db"
    create(path, installed_release(), "mlflow-artifacts:/")
    with closing(sqlite3.connect(path)) as connection, connection:
        for table in (VERSION_TABLE, *OWN_TABLES):
            connection.execute(f"DROP TABLE {table}")
    return directory


@pytest.fixture(
    scope="module",
    params=[
        ("--app-name", "headwater", "--backend-store-uri", "sqlite:///mlflow.db", "--workers", "2"),
        ("--backend-store-uri", "headwater+sqlite:///mlflow.db", "--workers", "1"),
    ],
    ids=["app", "scheme"],
)  # fmt: skip
def server(directory: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    with mlflow_server(directory, *request.param) as running:
        yield running


@pytest.fixture
def client(server: Server) -> MlflowClient:
    return MlflowClient(server.url)


@pytest.fixture
def run_id(client: MlflowClient) -> str:
    experiment = client.create_experiment(uuid.uuid4().hex)
    run_id: str = client.create_run(experiment).info.run_id
    return run_id


def test_points_are_stored_in_blocks_and_read_back(
    client: MlflowClient, server: Server, run_id: str
) -> None:
    rows, blocks = (count(server.database, t) for t in ("metrics", "headwater_metric_blocks"))
    client.log_batch(run_id, [Metric("loss", 1 / (i + 1), i, i) for i in range(900)])
    client.log_metric(run_id, "loss", 9.0, timestamp=5_000, step=1_000)
    history = client.get_metric_history(run_id, "loss")
    assert [metric.step for metric in history] == [*range(900), 1_000]
    assert client.get_run(run_id).data.metrics == {"loss": 9.0}
    assert count(server.database, "metrics") == rows
    assert count(server.database, "headwater_metric_blocks") == blocks + 2


def test_graphql_and_charts_see_the_same_points(
    client: MlflowClient, server: Server, run_id: str
) -> None:
    client.log_batch(run_id, [Metric("loss", float(i), i, i) for i in range(100)])
    query = (
        "query Q($input: MlflowGetMetricHistoryBulkIntervalInput) {"
        " mlflowGetMetricHistoryBulkInterval(input: $input) { metrics { step value } } }"
    )
    variables = {"input": {"runIds": [run_id], "metricKey": "loss"}}
    body = {"operationName": "Q", "query": query, "variables": variables}
    answer = httpx.post(f"{server.url}/graphql", json=body, timeout=60)
    graphql = answer.json()["data"]["mlflowGetMetricHistoryBulkInterval"]["metrics"]
    answer = httpx.get(
        f"{server.url}/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval",
        params={"run_ids": run_id, "metric_key": "loss"},
        timeout=60,
    )
    charts = answer.json()["metrics"]
    assert [point["value"] for point in graphql] == [*range(100)]
    assert [point["value"] for point in charts] == [*range(100)]


def test_registry_works(client: MlflowClient, run_id: str) -> None:
    name = uuid.uuid4().hex
    client.create_registered_model(name)
    source = f"{client.get_run(run_id).info.artifact_uri}/model"
    version = client.create_model_version(name, source, run_id).version
    client.set_registered_model_alias(name, "champion", version)
    assert client.get_model_version_by_alias(name, "champion").run_id == run_id


def test_jobs_and_webhooks_work(server: Server, client: MlflowClient) -> None:
    """MLflow opens these stores by the backend store URI itself."""
    answer = httpx.post(f"{server.url}/ajax-api/3.0/jobs/search", json={}, timeout=60)
    assert (answer.status_code, answer.json()) == (200, {"jobs": []})
    assert client.list_webhooks() == []


def test_malformed_requests_get_mlflows_answer(server: Server) -> None:
    answer = httpx.post(
        f"{server.url}/api/2.0/mlflow/runs/log-metric",
        content=b"{",
        headers={"content-type": "application/json"},
        timeout=60,
    )
    assert answer.status_code == 400
    assert answer.json()["error_code"] in ("BAD_REQUEST", "INVALID_PARAMETER_VALUE")


def test_workspaces_work(tmp_path: Path) -> None:
    uri = "headwater+sqlite:///mlflow.db"
    with mlflow_server(
        tmp_path, "--backend-store-uri", uri, "--workers", "1", "--enable-workspaces"
    ) as server:
        made = httpx.post(
            f"{server.url}/api/3.0/mlflow/workspaces", json={"name": "team"}, timeout=60
        )
        assert made.status_code in (200, 201), made.text
        api, headers = f"{server.url}/api/2.0/mlflow", {"X-MLFLOW-WORKSPACE": "team"}
        with httpx.Client(base_url=api, headers=headers, timeout=60) as team:
            experiment = team.post("/experiments/create", json={"name": "e"}).json()
            run = team.post("/runs/create", json=experiment).json()["run"]["info"]["run_id"]
            point = {"run_id": run, "key": "a", "value": 1.0, "timestamp": 1, "step": 1}
            assert team.post("/runs/log-metric", json=point).status_code == 200
            # Without max_results, MLflow 3.12 and 3.13 answer with an empty page.
            query = {"run_id": run, "metric_key": "a", "max_results": 10}
            mine = team.get("/metrics/get-history", params=query)
            assert len(mine.json()["metrics"]) == 1
            theirs = httpx.get(f"{api}/metrics/get-history", params=query, timeout=60)
            assert theirs.status_code == 404
    assert count(tmp_path / "mlflow.db", "headwater_metric_blocks") == 1
    assert count(tmp_path / "mlflow.db", "metrics") == 0


def test_other_databases_are_one_clear_line(tmp_path: Path) -> None:
    # That its worker is gone, the supervisor learns only from such a check.
    with pytest.raises(AssertionError) as caught, mlflow_server(
        tmp_path, "--app-name", "headwater", "--backend-store-uri", str(tmp_path / "mlruns"),
        healthcheck_seconds=30, MLFLOW_ALLOW_FILE_STORE="true",
    ):  # fmt: skip
        pass
    lines = [line for line in str(caught.value).splitlines() if line.startswith("headwater: ")]
    assert lines
    assert "sqlite:///" in lines[0]
