"""Runs whose process is killed, falls silent or ends without ending them."""

import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest
from tests.faults.test_client import Training
from tests.faults.test_lifecycle import until
from tests.server import Server, environment, running

from headwater.client.spool.directory import spools_in

pytestmark = pytest.mark.slow

LEFT = """
import sys
import headwater
run = headwater.start_run("left")
run.log({"loss": 1})
print(run.run_id, flush=True)
if sys.argv[1] == "error":
    raise ValueError("a defect in the training")
"""
FAILING_BY_MLFLOW = """
import mlflow
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 1.0)
    print(run.info.run_id, flush=True)
    raise ValueError("a defect in the training")
"""
BY_MLFLOW = """
import mlflow
run = mlflow.MlflowClient().create_run("0")
mlflow.start_run()
mlflow.log_metric("loss", 1.0)
print(run.info.run_id, mlflow.active_run().info.run_id, flush=True)
"""


def ended(server: Server, run_id: str) -> tuple[str, str]:
    """Return a run's status, and why the server has marked it as failed."""
    answer = httpx.get(f"{server.url}/api/2.0/mlflow/runs/get", params={"run_id": run_id})
    run = answer.json().get("run", {"info": {"status": "unknown"}, "data": {}})
    tags = {tag["key"]: tag["value"] for tag in run["data"].get("tags", ())}
    status: str = run["info"]["status"]
    return status, tags.get("headwater.failure_reason", "")


def printed(server: Server, run_id: str, rank: int = 0) -> str:
    """Return what a run has printed, as far as the server has it."""
    answer = httpx.get(
        f"{server.url}/api/2.0/headwater/runs/output", params={"run_id": run_id, "rank": rank}
    )
    text: str = answer.json().get("text", "")
    return text


def port_of(server: Server) -> int:
    port = httpx.URL(server.url).port
    assert port is not None
    return port


def leave(server: Server, spools: Path, program: str, *arguments: str) -> str:
    """Run a program that does not end its run, and return what it says: run ids."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=environment(
            MLFLOW_TRACKING_URI=f"headwater://127.0.0.1:{port_of(server)}",
            HEADWATER_SPOOL_DIR=str(spools),
            HEADWATER_CAPTURE="true",
        ),
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.stdout.strip()


def test_the_run_of_a_training_that_is_killed_has_failed(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        training = Training(port_of(server), tmp_path / "spools")
        until(lambda: ended(server, training.run_id)[0] == "RUNNING")
        training.kill()
        until(lambda: ended(server, training.run_id)[0] == "FAILED")
        assert ended(server, training.run_id)[1].startswith(
            f"killed: process {training.process.pid} on {socket.gethostname()}"
        )
        until(lambda: not spools_in(tmp_path / "spools"))
        # What it had printed just before it was killed, but for the last moment.
        assert int(printed(server, training.run_id).split()[-1]) > training.said - 10_000


def test_a_training_that_falls_silent_is_lost_until_it_is_heard_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_LOST_AFTER_SECONDS", "3")
    with running(tmp_path / "data") as server:
        training = Training(port_of(server), tmp_path / "spools")
        until(lambda: ended(server, training.run_id)[0] == "RUNNING")
        processes = [psutil.Process(training.process.pid)]
        processes += processes[0].children()
        assert len(processes) == 2
        for process in processes:
            process.suspend()
        until(lambda: ended(server, training.run_id)[0] == "FAILED")
        assert ended(server, training.run_id)[1].startswith("lost contact")
        for process in processes:
            process.resume()
        until(lambda: ended(server, training.run_id) == ("RUNNING", ""))
        training.kill()
        until(lambda: ended(server, training.run_id)[0] == "FAILED")


def test_the_error_that_nobody_catches_is_in_the_output(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        for program in (LEFT, FAILING_BY_MLFLOW):
            run_id = leave(server, tmp_path, program, "error").split()[0]
            until(lambda: not spools_in(tmp_path))
            assert ended(server, run_id)[0] == "FAILED"
            text = printed(server, run_id)
            assert text.startswith(run_id)
            assert text.count("ValueError: a defect in the training") == 1


def test_a_run_that_is_not_ended_ends_with_its_process_unless_it_was_left_on_purpose(
    tmp_path: Path,
) -> None:
    with running(tmp_path / "data") as server:
        finished = leave(server, tmp_path, LEFT, "")
        failed = leave(server, tmp_path, LEFT, "error")
        left, by_mlflow = leave(server, tmp_path, BY_MLFLOW).splitlines()[0].split()
        until(lambda: not spools_in(tmp_path))
        assert ended(server, finished) == ("FINISHED", "")
        assert ended(server, failed) == ("FAILED", "")
        assert ended(server, by_mlflow) == ("FINISHED", "")
        assert ended(server, left) == ("RUNNING", "")
