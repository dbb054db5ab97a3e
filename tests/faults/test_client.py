"""Kill training, sender, server, connection at any time: the server has what was logged, once."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from tests.faults.proxy import Proxy
from tests.faults.test_ingest import stored
from tests.faults.test_lifecycle import alive, until
from tests.server import Server, environment, running

from headwater.client.spool.directory import spools_in
from headwater.client.spool.sync import sync_spool

pytestmark = pytest.mark.slow

TRAIN = """
import time
import headwater
run = headwater.start_run("training", params={"lr": 0.1})
print(run.run_id, flush=True)
step = 0
while True:
    for _ in range(100):
        run.log({"loss": step / 7}, step=step)
        step += 1
    run.set_tags({"steps": step})
    print(step, flush=True)
    time.sleep(0.005)
"""


class Training:
    """A process that logs until it is killed, and says what it has logged."""

    def __init__(self, port: int, spools: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", TRAIN],
            env=environment(
                MLFLOW_TRACKING_URI=f"headwater://127.0.0.1:{port}",
                HEADWATER_SPOOL_DIR=str(spools),
            ),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.run_id = self.process.stdout.readline().strip()
        self.said = 0
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said = int(line)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


class Faults(RuleBasedStateMachine):
    """Trainings, their senders and one server, each of which may die at any time."""

    @initialize()
    def begin(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.spools = self.directory / "spools"
        self.stack = contextlib.ExitStack()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.proxy = self.stack.enter_context(Proxy(self.port))
        self.server: Server | None = None
        self.serving = contextlib.ExitStack()
        self.alive: list[Training] = []
        self.dead: list[Training] = []
        self.start_server()

    @precondition(lambda self: self.server is None)
    @rule()
    def start_server(self) -> None:
        self.server = self.serving.enter_context(
            running(self.directory / "server", "--port", str(self.port))
        )

    @precondition(lambda self: self.server is not None)
    @rule()
    def kill_server(self) -> None:
        assert self.server is not None
        self.server.process.kill()
        self.server.process.wait()
        self.serving.close()
        self.server = None

    @precondition(lambda self: len(self.alive) < 2)
    @rule()
    def start_training(self) -> None:
        self.alive.append(Training(self.proxy.port, self.spools))

    @precondition(lambda self: self.alive)
    @rule()
    def kill_training(self) -> None:
        training = self.alive.pop(0)
        training.kill()
        self.dead.append(training)

    @rule()
    def kill_senders(self) -> None:
        senders = self.senders()
        for sender in senders:
            with contextlib.suppress(psutil.NoSuchProcess):
                sender.kill()
        until(lambda: not any(alive(sender) for sender in senders))  # and hold no lock

    @rule()
    def cut_connections(self) -> None:
        self.proxy.cut()

    @rule(seconds=st.floats(0.05, 1.0))
    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def senders(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                command = process.cmdline()
                if "headwater.client.spool.sender_process" in command and str(
                    self.spools
                ) in " ".join(command):
                    found.append(process)
        return found

    def teardown(self) -> None:
        if not hasattr(self, "stack"):
            return
        while self.alive:
            self.kill_training()
        if self.server is None:
            self.start_server()
        try:
            self.kill_senders()
            for spool in spools_in(self.spools):
                result = sync_spool(spool, f"http://127.0.0.1:{self.port}")
                assert (result.state, result.refused) == ("sent", 0), result
            assert list(self.spools.glob("*")) == []
            for training in self.dead:
                self.check(training)
        finally:
            self.serving.close()
            self.stack.close()
            shutil.rmtree(self.directory)

    def check(self, training: Training) -> None:
        assert self.server is not None
        count = stored(self.directory, training.run_id)
        assert count >= training.said
        with httpx.Client(base_url=self.server.url, timeout=60) as client:
            answer = client.get(
                "/api/2.0/mlflow/metrics/get-history",
                params={"run_id": training.run_id, "metric_key": "loss", "max_results": 25_000},
            ).json()
            data = client.get(
                "/api/2.0/mlflow/runs/get", params={"run_id": training.run_id}
            ).json()["run"]["data"]
        found = [(point["step"], point["value"]) for point in answer.get("metrics", [])]
        assert found == [(step, step / 7) for step in range(min(count, 25_000))]
        assert data["params"] == [{"key": "lr", "value": "0.1"}]
        tags = {tag["key"]: tag["value"] for tag in data["tags"]}
        if training.said:
            assert training.said <= int(tags["steps"]) <= training.said + 100


Faults.TestCase.settings = settings(
    max_examples=4,
    stateful_step_count=10,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
test_nothing_is_lost_or_doubled = Faults.TestCase


@pytest.mark.alone
def test_a_training_outlives_its_server_and_says_what_is_unsent(tmp_path: Path) -> None:
    """Nothing waits for a dead server; later ``headwater sync`` sends what is left."""
    script = """
import headwater, time
with headwater.start_run("late") as run:
    slowest = 0.0
    for step in range(2_000):
        begun = time.perf_counter()
        run.log({"loss": 1.0}, step=step)
        slowest = max(slowest, time.perf_counter() - begun)
    assert slowest < 0.5, slowest
print(run.run_id)
"""
    spools = tmp_path / "spools"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    uri = f"headwater://127.0.0.1:{port}"
    changes = {"HEADWATER_SPOOL_DIR": str(spools), "HEADWATER_FLUSH_SECONDS": "3"}
    begun = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(MLFLOW_TRACKING_URI=uri, **changes),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert time.monotonic() - begun < 30
    assert "cannot be reached" in ended.stderr
    [spool] = spools.glob("*")
    assert f"headwater sync {spool}" in ended.stderr
    run_id = ended.stdout.strip()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(spool) in process.cmdline():
                os.kill(process.pid, signal.SIGKILL)
                process.wait(10)
    command = [str(Path(sys.executable).with_name("headwater")), "sync", "--json"]
    failed = subprocess.run(
        command, env=environment(**changes), capture_output=True, text=True, check=False
    )
    assert (failed.returncode, '"state": "failed"' in failed.stdout) == (1, True)
    with running(tmp_path / "server", "--port", str(port)) as server:
        done = subprocess.run(
            command, env=environment(**changes), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert '"state": "sent", "points": 2000' in done.stdout
        answer = httpx.get(f"{server.url}/api/2.0/mlflow/runs/get", params={"run_id": run_id})
        assert answer.json()["run"]["info"]["status"] == "FINISHED"
    assert list(spools.glob("*")) == []


@pytest.mark.alone
def test_mlflow_goes_on_and_ends_its_run_although_the_server_dies(tmp_path: Path) -> None:
    script = """
import sys, time
import mlflow
mlflow.set_experiment("cut off")
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 1.0, step=0)
    print(run.info.run_id, flush=True)
    sys.stdin.readline()
    begun = time.monotonic()
    for step in range(1, 500):
        mlflow.log_metric("loss", 1.0, step=step)
    mlflow.log_params({"lr": 0.1})
    mlflow.set_tag("note", "x")
    assert time.monotonic() - begun < 5
print("ended", flush=True)
"""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    changes = {"HEADWATER_SPOOL_DIR": str(tmp_path / "spools"), "HEADWATER_FLUSH_SECONDS": "3"}
    uri = f"headwater://127.0.0.1:{port}"
    with running(tmp_path / "server", "--port", str(port)) as server:
        training = subprocess.Popen(
            [sys.executable, "-c", script],
            env=environment(MLFLOW_TRACKING_URI=uri, MLFLOW_DISABLE_TELEMETRY="true", **changes),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert training.stdout is not None
        run_id = training.stdout.readline().strip()
        server.process.kill()
        server.process.wait()
    out, err = training.communicate("go\n", timeout=60)
    assert "ended" in out, err
    assert training.returncode == 0
    assert "headwater sync" in err
    with running(tmp_path / "server", "--port", str(port)) as server:
        deadline = time.monotonic() + 60  # the process that sends has stayed
        while list((tmp_path / "spools").glob("*")):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        answer = httpx.get(f"{server.url}/api/2.0/mlflow/runs/get", params={"run_id": run_id})
        run = answer.json()["run"]
    assert run["info"]["status"] == "FINISHED"
    assert run["data"]["params"] == [{"key": "lr", "value": "0.1"}]
    assert run["data"]["metrics"][0]["step"] == 499
    assert stored(tmp_path / "server", run_id) == 500
