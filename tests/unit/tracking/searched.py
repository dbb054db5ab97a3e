"""One populated database, searched by Headwater's handlers and by MLflow's own code."""

import asyncio
import importlib
import json
import random
import sqlite3
import sys
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from headwater.entities.metric import LARGEST
from headwater.errors import InvalidParameterError, NotServedError
from headwater.mlflow_release import installed_release
from headwater.server.rest.request import Request
from headwater.storage.metadata import prepare
from headwater.storage.metadata.sqlite import SqliteDatabase
from headwater.storage.metrics.sqlite import SqliteMetricEngine
from headwater.tracking.service import TrackingService

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow's own use of deprecated functions
    import mlflow.server
    from mlflow.server import handlers
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

ARTIFACT_ROOT = "mlflow-artifacts:/"
EXPERIMENTS = ["0", "1", "2", "3"]
METRIC_KEYS = ["acc", "loss", "loss.max", "val loss", "a.b", "é", "Created", "start_time", "_x"]
ENTRY_KEYS = ["lr", "team", "a b", "a.b", "é", "Created", "run_name", "mlflow.runName", "Order"]
TEXTS = ["0.1", "Abc", "abc", "a%b", "a_b", "", "É", "é", "it's", 'say "x"', "%", "ABC D", "1;2"]
METRIC_VALUES = [0.0, 0.5, 0.5, -1.5, 1e-300, 1e22, LARGEST, -LARGEST, 0.1, 7.0]
STATUSES = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]
RUN_IDS = [f"{'abcdef0123456789'[n % 16]}{n:03x}{'0f' * 14}" for n in range(60)]
_PATHS = {"search_runs": "runs/search", "search_experiments": "experiments/search"}


class Searched:
    """A database of random runs, and both ways to search it.

    What Headwater does not serve is compared with nothing; `natively` tells.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / "mlflow.db"
        prepare.create(path, installed_release(), ARTIFACT_ROOT)
        with closing(sqlite3.connect(path)) as connection:
            _populate(connection, random.Random(5))
            connection.commit()
        self._database = SqliteDatabase(path)
        self.service = TrackingService(
            self._database, SqliteMetricEngine(), ARTIFACT_ROOT, installed_release().behaviour
        )
        self._store = SqlAlchemyStore(f"sqlite:///{path}", ARTIFACT_ROOT)
        self._patch = pytest.MonkeyPatch()
        self._patch.setattr(handlers, "_tracking_store", self._store)
        # MLflow tries to import its optional auth module in every search, which takes a second.
        self._patch.setitem(sys.modules, "mlflow.server.auth", None)
        self._client = mlflow.server.app.test_client()
        self.natively = False
        """Whether Headwater answered the last search itself."""

        self.beyond = False
        """Whether MLflow refused it: it then was one of the superset."""

    def close(self) -> None:
        """Close the database and give MLflow its own store back."""
        self._patch.undo()
        self._database.close()
        self._store._dispose_engine()

    def search(self, verb: str, message: dict[str, Any], *, method: str = "POST") -> Any:
        """Search both ways; answers that Headwater gives must be MLflow's, to the last field.

        What MLflow refuses, Headwater may answer or refuse in its own words.
        """
        if method == "GET":
            request = Request("GET", urlencode(message, doseq=True).encode(), b"")
        else:
            request = Request("POST", b"", json.dumps(message).encode())
        module = importlib.import_module(f"headwater.server.rest.{verb}")
        try:
            ours = json.loads(asyncio.run(module.handle(self.service, request)))
        except NotServedError:
            self.natively = self.beyond = False
            return None
        except InvalidParameterError:
            ours = None
        self.natively = True
        response = self._ask_mlflow(verb, request)
        self.beyond = response.status_code != 200
        if self.beyond:
            assert response.get_json()["error_code"] == "INVALID_PARAMETER_VALUE", f"{message}"
        else:
            assert ours == response.get_json(), f"{message}"
        return ours

    def mlflow(self, verb: str, message: dict[str, Any]) -> Any:
        """Return the response of MLflow's own code."""
        return self._ask_mlflow(verb, Request("POST", b"", json.dumps(message).encode()))

    def _ask_mlflow(self, verb: str, request: Request) -> Any:
        return self._client.open(
            f"/api/2.0/mlflow/{_PATHS[verb]}",
            method=request.method,
            query_string=request.query.decode(),
            data=request.body,
            headers={"Content-Type": "application/json"},
        )

    def native(self, verb: str, message: dict[str, Any], *, method: str = "POST") -> Any:
        """Search in a way that Headwater must serve itself."""
        answer = self.search(verb, message, method=method)
        assert self.natively, f"{message} was handed over"
        assert not self.beyond, f"{message} is not MLflow's"
        return answer


def _populate(connection: sqlite3.Connection, rng: random.Random) -> None:
    for number, name in enumerate(["Alpha", "alpha", "b%c É"], start=1):
        connection.execute(
            "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, "
            "creation_time, last_update_time, workspace) VALUES (?, ?, 'x', ?, ?, ?, 'default')",
            (number, name, "deleted" if number == 3 else "active", rng.choice([5, 6, None]), 9),
        )
        for key in rng.sample(ENTRY_KEYS, 4):
            connection.execute(
                "INSERT INTO experiment_tags (key, value, experiment_id) VALUES (?, ?, ?)",
                (key, rng.choice([*TEXTS, None]), number),
            )
    for number in range(6):
        connection.execute(
            "INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type,"
            " dataset_source, dataset_schema, dataset_profile) VALUES (?, ?, ?, ?, 'local', 's', "
            "?, ?)",
            (f"d{number}", number % 3, f"data{number % 2}", f"di{number}", *_optional(rng, 2)),
        )
    for run_id in RUN_IDS:
        _insert_run(connection, rng, run_id)
        _insert_inputs(connection, rng, run_id)


def _insert_run(connection: sqlite3.Connection, rng: random.Random, run_id: str) -> None:
    connection.execute(
        "INSERT INTO runs (run_uuid, name, source_type, user_id, status, start_time, end_time, "
        "lifecycle_stage, artifact_uri, experiment_id) VALUES (?, ?, 'LOCAL', ?, ?, ?, ?, ?, ?, ?)",
        (
            run_id,
            rng.choice(["calm", "Calm", "", None]),
            rng.choice(["", "me", "É"]),
            rng.choice(STATUSES),
            rng.choice([0, 1000, 2000, 2000, 3000]),
            rng.choice([None, 0, 5000, 6000]),
            rng.choice(["active", "active", "deleted"]),
            rng.choice([None, "", f"mlflow-artifacts:/0/{run_id}"]),
            rng.choice([0, 1, 1, 2]),
        ),
    )
    for key in rng.sample(METRIC_KEYS, rng.randrange(len(METRIC_KEYS))):
        is_nan = rng.random() < 0.3
        value = 0.0 if is_nan else rng.choice(METRIC_VALUES)
        connection.execute(
            "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (key, value, 7, rng.choice([-1, 0, 2**60]), is_nan, run_id),
        )
    for table, values in (("params", TEXTS), ("tags", [*TEXTS, None])):
        for key in rng.sample(ENTRY_KEYS, rng.randrange(len(ENTRY_KEYS))):
            connection.execute(
                f"INSERT INTO {table} (key, value, run_uuid) VALUES (?, ?, ?)",
                (key, rng.choice(values), run_id),
            )


def _insert_inputs(connection: sqlite3.Connection, rng: random.Random, run_id: str) -> None:
    ends = [
        ("DATASET", f"d{number}", "RUN", run_id, 0)
        for number in rng.sample(range(6), rng.randrange(3))
    ]
    if rng.random() < 0.3:
        ends.append(("RUN_INPUT", run_id, "MODEL_INPUT", "m-1", 0))
        ends.append(("RUN_OUTPUT", run_id, "MODEL_OUTPUT", "m-2", rng.choice([0, 3])))
    for number, end in enumerate(ends):
        input_id = f"{run_id[:8]}{number}"
        connection.execute(
            "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, "
            "destination_id, step) VALUES (?, ?, ?, ?, ?, ?)",
            (input_id, *end),
        )
        for name in rng.sample(["mlflow.data.context", "other"], rng.randrange(3)):
            connection.execute(
                "INSERT INTO input_tags (input_uuid, name, value) VALUES (?, ?, ?)",
                (input_id, name, rng.choice(["train", "Train", "eval"])),
            )


def _optional(rng: random.Random, count: int) -> list[str | None]:
    return [rng.choice([None, "", "{}"]) for _ in range(count)]
