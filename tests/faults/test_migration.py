"""Migration that is killed at every transaction, or runs while points arrive: all there, once."""

import contextlib
import itertools
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import pytest
from tests.server import command, environment, running

from headwater.entities.metric import Points
from headwater.mlflow_release import installed_release
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.prepare import create
from headwater.storage.metadata.sqlite import SqliteDatabase
from headwater.storage.metrics.check import check_run
from headwater.storage.metrics.latest import UPSERT
from headwater.storage.metrics.sqlite import SqliteMetricEngine

pytestmark = pytest.mark.slow

API = "/api/2.0/mlflow"
RUN_IDS = ("a" * 32, "b" * 32)
KEYS = ("loss", "acc")


def insert_run(connection: Connection, run_id: str) -> None:
    connection.execute(
        "INSERT INTO runs (run_uuid, experiment_id, status, lifecycle_stage)"
        " VALUES (?, 0, 'RUNNING', 'active')",
        (run_id,),
    )


def insert_rows(connection: Connection, run_id: str, steps: range) -> None:
    """Log points as plain MLflow does."""
    for step in steps:
        for key in KEYS:
            connection.execute(
                "INSERT INTO metrics (run_uuid, key, step, timestamp, value, is_nan)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (run_id, key, step, 1_000 + step, step / 7, False),
            )
            connection.execute(UPSERT, (run_id, key, step, 1_000 + step, step / 7, False))


def log_block(connection: Connection, run_id: str, step: int) -> None:
    """Log a point of each metric as a server does."""
    column = np.full(len(KEYS), step, np.int64)
    points = Points(KEYS, np.arange(len(KEYS)), column, column + 1_000, column / 7)
    SqliteMetricEngine().append(connection, run_id, points)


async def log_blocks(path: Path, step: int) -> None:
    database = SqliteDatabase(path)
    for run_id in RUN_IDS:
        await database.write(partial(log_block, run_id=run_id, step=step))
    database.close()


async def new_database(path: Path) -> None:
    create(path, installed_release(), "mlflow-artifacts:/")
    database = SqliteDatabase(path)
    for run_id in RUN_IDS:
        await database.write(partial(insert_run, run_id=run_id))
        await database.write(partial(insert_rows, run_id=run_id, steps=range(30)))
    database.close()


def require_steps(path: Path, steps: int) -> None:
    """Require these steps of every metric, once, and nothing that does not agree."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    database, engine = SqliteDatabase(path), SqliteMetricEngine()
    try:
        for run_id, key in itertools.product(RUN_IDS, KEYS):
            history = database.read_now(
                lambda c, run_id=run_id, key=key: engine.history(c, run_id, key)  # type: ignore[misc]
            )
            assert history is not None
            assert history.steps.tolist() == list(range(steps))
            assert history.values.tolist() == [step / 7 for step in range(steps)]
            assert database.read_now(lambda c, run_id=run_id: list(check_run(c, run_id))) == []  # type: ignore[misc]
    finally:
        database.close()


def require_no_rows(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM metrics").fetchone() == (0,)


def migrate_until(path: Path, mode: str, number: int, moment: str) -> bool:
    """Migrate, killed at a transaction; return whether it came to its end before."""
    arguments = [str(path), mode, str(number), moment]
    command = [sys.executable, "-m", "tests.faults.migrating", *arguments]
    status = subprocess.run(command, check=False, timeout=120).returncode
    assert status in (0, -signal.SIGKILL)
    return status == 0


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(("mode", "transactions"), [("online", 10), ("offline", 5)])
async def test_kill_9_at_every_transaction_loses_and_doubles_nothing(
    tmp_path: Path, mode: str, transactions: int, moment: str
) -> None:
    original, path = tmp_path / "original.db", tmp_path / "mlflow.db"
    await new_database(original)
    for number in itertools.count():
        for file in tmp_path.glob("mlflow.db*"):
            file.unlink()
        shutil.copy(original, path)
        if migrate_until(path, mode, number, moment):
            break
        require_steps(path, 30)
        await log_blocks(path, 30)  # life goes on
        assert migrate_until(path, mode, -1, moment)
        require_steps(path, 31)
        require_no_rows(path)
    require_no_rows(path)
    assert number == transactions


async def test_a_server_and_plain_mlflow_write_while_rows_are_migrated(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    await new_database(path)
    database = SqliteDatabase(path)
    await database.write(lambda c: insert_rows(c, RUN_IDS[0], range(30, 6_000)))
    database.close()
    uri = f"sqlite:///{path}"
    with (
        running(tmp_path / "server", "--backend-store-uri", uri) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
        contextlib.closing(sqlite3.connect(path, timeout=20)) as plain,
    ):
        arguments = command("migrate", "--backend-store-uri", uri, "--json", "--rate", "8000")
        with subprocess.Popen(
            arguments, stdout=subprocess.PIPE, env=environment(), text=True
        ) as migrating:
            step = 6_000
            while migrating.poll() is None:
                metrics = [
                    {"key": key, "value": step / 7, "timestamp": 1_000 + step, "step": step}
                    for key in KEYS
                ]
                client.post(
                    f"{API}/runs/log-batch", json={"run_id": RUN_IDS[0], "metrics": metrics}
                ).raise_for_status()
                with plain:
                    insert_rows(plain, RUN_IDS[0], range(step + 1, step + 2))
                step += 2
            assert migrating.stdout is not None
            result = json.loads(migrating.stdout.read())
        assert migrating.returncode == 0, result
        assert result["points"] >= 12_000
        for key in KEYS:
            told = client.get(
                f"{API}/metrics/get-history", params={"run_id": RUN_IDS[0], "metric_key": key}
            ).json()["metrics"]
            assert [point["step"] for point in told] == list(range(step))
            assert [point["value"] for point in told] == [number / 7 for number in range(step)]
        assert step > 6_010
