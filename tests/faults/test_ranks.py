"""Several processes log into one run, and one of them may die."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.faults.test_lifecycle import until
from tests.faults.test_lost_runs import ended, printed
from tests.server import Server, environment, running

from headwater.client.spool.directory import spools_in

pytestmark = pytest.mark.slow

RANK = """
import os, signal, sys
import headwater
with headwater.start_run("ranks", params={"lr": 0.1}, tags={"team": "blue"}) as run:
    rank = int(os.environ["RANK"])
    for step in range(100):
        run.log({"loss": step + rank, "seconds": 0.1}, step=step)
    sys.stdout.write(run.run_id + chr(10))  # at once: three of them print
    sys.stdout.flush()
    if len(sys.argv) > 1 and rank == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
"""
# As torchrun does it: all ranks are children of one process.
LAUNCHER = """
import os, subprocess, sys
size = 3
ranks = [
    subprocess.Popen(
        [sys.executable, "-c", sys.argv[1], *sys.argv[2:]],
        env=os.environ | {
            "RANK": str(rank), "WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size),
            "LOCAL_RANK": str(rank), "TORCHELASTIC_RUN_ID": "none",
        },
    )
    for rank in range(size)
]
for rank in ranks:
    rank.wait()
"""
SPAWNING = """
import multiprocessing
import headwater

def work(rank):
    with headwater.attach_run(rank=rank) as run:
        for step in range(10):
            run.log({"loss": rank}, step=step)

if __name__ == "__main__":
    with headwater.start_run("spawned") as run:
        processes = [
            multiprocessing.get_context("spawn").Process(target=work, args=(rank,))
            for rank in range(1, 3)
        ]
        for process in processes:
            process.start()
        for step in range(10):
            run.log({"loss": 0}, step=step)
        for process in processes:
            process.join()
    print(run.run_id)
"""


def execute(server: Server, spools: Path, *command: str) -> str:
    """Run a Python program to its end; return the run id that its processes have told."""
    done = subprocess.run(
        [sys.executable, *command],
        env=environment(
            MLFLOW_TRACKING_URI=server.url.replace("http://", "headwater://"),
            HEADWATER_SPOOL_DIR=str(spools),
            MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING="true",
        ),
        capture_output=True,
        text=True,
        timeout=120,
    )
    told = set(done.stdout.split())
    assert len(told) == 1, (done.stdout, done.stderr)
    [run_id] = told
    until(lambda: not spools_in(spools))
    return run_id


def ranks(server: Server, run_id: str, key: str = "loss") -> dict[str, list[float]]:
    answer = httpx.get(
        f"{server.url}/api/2.0/headwater/metrics/ranks", params={"run_id": run_id, "key": key}
    )
    found: dict[str, list[float]] = answer.raise_for_status().json()
    return found


def test_ranks_of_a_launch_log_into_one_run(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        first, second = (
            execute(server, tmp_path / "spools", "-c", LAUNCHER, RANK) for _ in range(2)
        )
        assert first != second
        for run_id in (first, second):
            assert ended(server, run_id) == ("FINISHED", "")
            found = ranks(server, run_id)
            assert found["ranks"] == [0, 1, 2]
            assert found["count"] == [3] * 100
            assert found["mean"] == [step + 1 for step in range(100)]
            assert set(found["min_rank"]) == {0}
            assert set(found["max_rank"]) == {2}
        run = httpx.get(f"{server.url}/api/2.0/mlflow/runs/get", params={"run_id": first}).json()
        data = run["run"]["data"]
        assert data["params"] == [{"key": "lr", "value": "0.1"}]
        tags = {tag["key"]: tag["value"] for tag in data["tags"]}
        for rank in range(3):
            assert printed(server, first, rank) == f"{first}\n"
        keys = {metric["key"] for metric in data["metrics"]}
        # Each process, and once the machine that all of them are on.
        assert {f"system/process_memory_megabytes{of}" for of in ("", "/rank/1", "/rank/2")} <= keys
        assert [key for key in keys if "cpu_utilization" in key] == [
            "system/cpu_utilization_percentage"
        ]
        assert (tags["team"], tags["headwater.world_size"]) == ("blue", "3")


def test_the_run_of_ranks_has_failed_when_the_first_one_is_killed(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        run_id = execute(server, tmp_path / "spools", "-c", LAUNCHER, RANK, "0")
        status, reason = ended(server, run_id)
        assert status == "FAILED"
        assert reason.startswith("killed")
        assert ranks(server, run_id)["count"] == [3] * 100


def test_a_run_tells_which_of_its_ranks_was_killed(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        run_id = execute(server, tmp_path / "spools", "-c", LAUNCHER, RANK, "2")
        assert ended(server, run_id) == ("FINISHED", "")
        run = httpx.get(f"{server.url}/api/2.0/mlflow/runs/get", params={"run_id": run_id}).json()
        tags = {tag["key"]: tag["value"] for tag in run["run"]["data"]["tags"]}
        assert tags["headwater.rank_failure.2"].startswith("killed: process ")
        assert "headwater.rank_failure.1" not in tags


def test_processes_that_a_training_starts_attach_to_its_run(tmp_path: Path) -> None:
    program = tmp_path / "training.py"
    program.write_text(SPAWNING)
    with running(tmp_path / "data") as server:
        run_id = execute(server, tmp_path / "spools", str(program))
        assert ended(server, run_id) == ("FINISHED", "")
        found = ranks(server, run_id)
        assert (found["ranks"], found["count"]) == ([0, 1, 2], [3] * 10)
