"""Compaction that is killed or that runs while points arrive: every point is there, once."""

import contextlib
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from tests.faults.compacting import batch
from tests.server import running

from headwater.mlflow_release import installed_release
from headwater.storage.metadata.prepare import create
from headwater.storage.metadata.sqlite import SqliteDatabase
from headwater.storage.metrics import series
from headwater.storage.metrics.compact import waiting
from headwater.storage.metrics.sqlite import SqliteMetricEngine

pytestmark = pytest.mark.slow

API = "/api/2.0/mlflow"
RUN_ID = "a" * 32


async def new_database(path: Path) -> None:
    create(path, installed_release(), "mlflow-artifacts:/")
    database = SqliteDatabase(path)
    await database.write(
        lambda c: c.execute(
            "INSERT INTO runs (run_uuid, experiment_id, status, lifecycle_stage)"
            " VALUES (?, 0, 'RUNNING', 'active')",
            (RUN_ID,),
        )
    )
    database.close()


def log_and_compact_until_killed(path: Path, first: int, seconds: float) -> int:
    """Return the number of the last batch that was acknowledged."""
    command = [sys.executable, "-m", "tests.faults.compacting", str(path), RUN_ID, str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        acknowledged = int(process.stdout.readline())
        time.sleep(seconds)
        process.kill()
        rest = process.stdout.read().splitlines(keepends=True)
    return max([acknowledged, *(int(line) for line in rest if line.endswith("\n"))])


def require_batches(path: Path, acknowledged: int) -> None:
    """Require the points of so many batches, of one more at most, and summaries that agree."""
    database, engine = SqliteDatabase(path), SqliteMetricEngine()
    try:
        for key, parity in (("even", 0), ("odd", 1)):
            history, found, chunks = database.read_now(
                lambda c, key=key: (  # type: ignore[misc]
                    engine.history(c, RUN_ID, key),
                    series.find(c, RUN_ID, key),
                    series.load_all(c, RUN_ID, key),
                )
            )
            assert history is not None
            assert found is not None
            assert found.summary.points == sum(len(chunk) for chunk in chunks)
            stored = history.steps.tolist()
            assert history.values.tolist() == [step / 7 for step in stored]
            assert stored in (
                sorted(step for n in range(batches) for step in batch(n).steps[parity::2].tolist())
                for batches in (acknowledged, acknowledged + 1)
            )
    finally:
        database.close()


async def test_kill_9_amid_compactions_loses_and_doubles_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    await new_database(path)
    acknowledged = 0
    for attempt in range(6):
        # What was stored without being acknowledged is logged again, and must count once.
        last = log_and_compact_until_killed(path, acknowledged, 0.1 + 0.13 * attempt)
        acknowledged = last + 1
        with contextlib.closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        require_batches(path, acknowledged)


def test_a_server_compacts_a_run_that_has_ended_and_answers_as_before(tmp_path: Path) -> None:
    with running(tmp_path) as server, httpx.Client(base_url=server.url) as client:
        created = client.post(f"{API}/runs/create", json={"experiment_id": "0", "start_time": 1})
        run_id = created.json()["run"]["info"]["run_id"]
        for step in range(50):
            metric = {"key": "loss", "value": step / 7, "timestamp": 1_000 + step, "step": step}
            client.post(
                f"{API}/runs/log-metric", json={"run_id": run_id, **metric}
            ).raise_for_status()

        def answers() -> list[object]:
            history = {"run_id": run_id, "metric_key": "loss"}
            sampled = {"run_ids": run_id, "metric_key": "loss", "max_results": 7}
            return [
                client.get(f"{API}/metrics/get-history", params=history).json(),
                client.get(f"{API}/metrics/get-history-bulk-interval", params=sampled).json(),
                client.get(f"{API}/runs/get", params={"run_id": run_id}).json()["run"]["data"],
            ]

        before = answers()
        client.post(f"{API}/runs/update", json={"run_id": run_id, "status": "FINISHED"})
        database = SqliteDatabase(server.database)
        try:
            deadline = time.monotonic() + 30
            while database.read_now(waiting):
                assert time.monotonic() < deadline, "the run was not compacted"
                time.sleep(0.1)
        finally:
            database.close()
        assert answers() == before
