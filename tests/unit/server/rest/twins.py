"""One request, two databases: Headwater's handlers on one, MLflow's own code on the other."""

import asyncio
import importlib
import json
import sqlite3
import uuid
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest

from headwater.errors import NotFoundError, NotServedError
from headwater.mlflow_release import installed_release
from headwater.server.rest.request import Request
from headwater.storage.metadata.sqlite import SqliteDatabase
from headwater.storage.metrics.sqlite import SqliteMetricEngine
from headwater.tracking import clock, create_run
from headwater.tracking.service import TrackingService

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow's own use of deprecated functions
    import mlflow.server
    from mlflow.server import handlers
    from mlflow.store.tracking import sqlalchemy_store
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

ARTIFACT_ROOT = "mlflow-artifacts:/"

PATHS = {
    "create_experiment": ("POST", "experiments/create"),
    "get_experiment": ("GET", "experiments/get"),
    "get_experiment_by_name": ("GET", "experiments/get-by-name"),
    "update_experiment": ("POST", "experiments/update"),
    "delete_experiment": ("POST", "experiments/delete"),
    "restore_experiment": ("POST", "experiments/restore"),
    "set_experiment_tag": ("POST", "experiments/set-experiment-tag"),
    "delete_experiment_tag": ("POST", "experiments/delete-experiment-tag"),
    "create_run": ("POST", "runs/create"),
    "get_run": ("GET", "runs/get"),
    "update_run": ("POST", "runs/update"),
    "delete_run": ("POST", "runs/delete"),
    "restore_run": ("POST", "runs/restore"),
    "log_parameter": ("POST", "runs/log-parameter"),
    "set_tag": ("POST", "runs/set-tag"),
    "delete_tag": ("POST", "runs/delete-tag"),
}
_TABLES = ("experiments", "experiment_tags", "runs", "tags", "params", "latest_metrics")


@dataclass(frozen=True)
class Answer:
    """What came back for one request."""

    status: int
    body: Any

    def __getitem__(self, name: str) -> Any:
        return self.body[name]


class Twins:
    """Two databases that start equal and get the same requests.

    Clock, run ids and random names are the same for both, so answers and rows must be equal. A
    request that Headwater does not serve is passed on to MLflow's code, as the server does.
    """

    def __init__(self, template: Path, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self._paths = [directory / "headwater.db", directory / "mlflow.db"]
        for path in self._paths:
            path.write_bytes(template.read_bytes())
        self._database = SqliteDatabase(self._paths[0])
        self._service = TrackingService(
            self._database, SqliteMetricEngine(), ARTIFACT_ROOT, installed_release().behaviour
        )
        self._stores = [SqlAlchemyStore(f"sqlite:///{p}", ARTIFACT_ROOT) for p in self._paths]
        self._client = mlflow.server.app.test_client()
        self._ticks = 1_700_000_000
        self.natively = False
        """Whether Headwater answered the last request itself."""

    def close(self) -> None:
        """Close both databases."""
        self._database.close()
        for store in self._stores:
            store._dispose_engine()

    def forget(self) -> None:
        """Make both empty but for the default experiment itself, so that rows stay few."""
        for table in ("tags", "params", "runs", "experiment_tags"):
            self.execute(f"DELETE FROM {table}")
        self.execute("DELETE FROM experiments WHERE experiment_id > 0")
        self.execute("UPDATE experiments SET lifecycle_stage = 'active', name = 'Default'")

    def call(self, verb: str, message: dict[str, Any]) -> Answer:
        """Send a message to both and return their one answer."""
        if PATHS[verb][0] == "GET":
            return self.send(verb, query=urlencode(message).encode())
        return self.send(verb, body=json.dumps(message).encode())

    def native(self, verb: str, message: dict[str, Any]) -> Answer:
        """Send a message that Headwater must answer itself."""
        answer = self.call(verb, message)
        assert self.natively, f"{verb} {message} was passed on"
        return answer

    def send(self, verb: str, *, query: bytes = b"", body: bytes = b"") -> Answer:
        """Send raw bytes to both and return their one answer; rows are compared too."""
        self._freeze()
        request = Request(PATHS[verb][0], query, body)
        ours = self._headwater(verb, request)
        self.natively = ours is not None
        if ours is None:
            ours = self._mlflow(0, verb, request)
        theirs = self._mlflow(1, verb, request)
        assert ours == theirs, f"{verb} {query!r} {body[:500]!r}"
        assert self.rows(0) == self.rows(1), f"{verb} {query!r} {body[:500]!r}"
        return ours

    def execute(self, statement: str) -> None:
        """Change both databases behind everybody's back."""
        for path in self._paths:
            with sqlite3.connect(path) as connection:
                connection.execute(statement)
            connection.close()

    def rows(self, which: int) -> dict[str, list[tuple[Any, ...]]]:
        """Return the rows of every table concerned, in the order they were inserted."""
        connection = sqlite3.connect(self._paths[which])
        try:
            return {
                table: connection.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()
                for table in _TABLES
            }
        finally:
            connection.close()

    def _headwater(self, verb: str, request: Request) -> Answer | None:
        module = importlib.import_module(f"headwater.server.rest.{verb}")
        try:
            body = asyncio.run(module.handle(self._service, request))
        except NotServedError:
            return None
        except NotFoundError as error:
            return Answer(404, {"error_code": error.error_code, "message": str(error)})
        return Answer(200, json.loads(body))

    def _mlflow(self, which: int, verb: str, request: Request) -> Answer:
        self._patch.setattr(handlers, "_tracking_store", self._stores[which])
        method, path = PATHS[verb]
        response = self._client.open(
            f"/api/2.0/mlflow/{path}",
            method=method,
            query_string=request.query.decode("ascii"),
            data=request.body,
            headers={"Content-Type": "application/json"},
        )
        body = response.get_json(silent=True)
        if response.status_code != 200 and isinstance(body, dict):
            body = {name: body.get(name) for name in ("error_code", "message")}
        return Answer(response.status_code, body)

    def _freeze(self) -> None:
        """Give both the same time, the same next run id and the same next random name."""
        self._ticks += 1
        seconds, run_id = self._ticks, uuid.uuid4()
        ids = SimpleNamespace(uuid4=lambda: run_id)
        self._patch.setattr(clock, "time", SimpleNamespace(time=lambda: seconds))
        self._patch.setattr(sqlalchemy_store, "get_current_time_millis", lambda: seconds * 1000)
        self._patch.setattr(create_run, "new_run_id", lambda _milliseconds: run_id.hex)
        self._patch.setattr(sqlalchemy_store, "uuid", ids)
        self._patch.setattr(create_run, "random_name", lambda: "calm-river-7")
        self._patch.setattr(sqlalchemy_store, "_generate_random_name", lambda: "calm-river-7")
