"""The demo as a user runs it, and what its check would notice."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

from headwater.demo.plan import choose_tasks, planned_runs
from headwater.demo.server import free_port, running_server
from headwater.demo.summary import experiment_name, found_runs
from headwater.demo.training import train
from headwater.demo.verify import TaskResult, problems_of

pytestmark = [
    pytest.mark.slow,
    # MLflow and scikit-learn warn about each other; neither is under test.
    pytest.mark.filterwarnings("default"),
]
SECONDS = 300
DEMO = [sys.executable, "-m", "headwater.demo"]
(WINE,) = choose_tasks(["wine"])


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("demo")
    with running_server(directory, "127.0.0.1", free_port("127.0.0.1", 0)) as server:
        yield server.address


def test_the_demo_checks_itself_and_sums_up(address: str, tmp_path: Path) -> None:
    arguments = ["--check", "--seeds", "1", "--task", "wine", "--tracking-uri", address]
    # Twice: the second one finds the first one's experiment and model.
    for version in ("1", "2"):
        done = subprocess.run(
            [*DEMO, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"version {version}" in done.stdout
        assert f"{address}/#/models/demo-wine" in done.stdout
        (verdict,) = [line for line in done.stdout.splitlines() if " in test_accuracy" in line]
        assert verdict.startswith("wine:")
        assert "neural-network is " in verdict
    assert list(tmp_path.iterdir()) == []


def test_the_check_notices_what_is_missing(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow.set_tracking_uri(address)
    mlflow.set_experiment(experiment_name(WINE))
    planned = next(run for run in planned_runs(WINE, 1) if run.family.epochs)
    with mlflow.start_run(tags={"demo.session": "lossy", "demo.role": "sweep"}):
        trained = train(planned, "lossy")
    (row,) = found_runs(WINE, "lossy", "training")
    assert row["run_id"] == trained.run_id

    monkeypatch.setattr("headwater.demo.verify.score_champion", lambda *_: -1.0)
    problems = "\n".join(problems_of(TaskResult(WINE, (trained,), trained), "lossy", seeds=1))
    assert "wine: run random-forest-seed0 is missing" in problems
    assert "wine: the champion scores -1.0" in problems
    assert planned.name not in problems

    mlflow.MlflowClient().log_metric(trained.run_id, "train_loss", 0.5, step=60)
    mlflow.MlflowClient().log_metric(trained.run_id, WINE.score, -5.0, timestamp=2**42)
    problems = "\n".join(problems_of(TaskResult(WINE, (trained,), trained), "lossy", seeds=1))
    assert f"{planned.name}: metric train_loss has 61 points, expected steps 0 to 59" in problems
    assert f"{planned.name}: {WINE.score} is -5.0" in problems


def test_ctrl_c_leaves_nothing_running(tmp_path: Path) -> None:
    port = free_port("127.0.0.1", 0)
    demo = subprocess.Popen(
        [*DEMO, "--check", "--port", str(port), "--data-dir", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert demo.stdout is not None
    assert f":{port}" in demo.stdout.readline()
    time.sleep(1)
    demo.send_signal(signal.SIGINT)
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 130, output
    assert "Traceback" not in output
    assert _cannot_connect(port)


def _cannot_connect(port: int) -> bool:
    return free_port("127.0.0.1", port) == port
