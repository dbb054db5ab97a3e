"""Artifacts and datasets are kept while the server is away, and arrive bit for bit."""

import contextlib
import hashlib
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import mlflow
import psutil
import pytest
from mlflow import MlflowClient
from tests.server import Server, command, environment, running

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

TRAIN = """
import hashlib, json, os, sys, time
from pathlib import Path
import mlflow
import pandas

def say(word):
    print(word, flush=True)
    sys.stdin.readline()

mlflow.set_experiment("cut off")
with mlflow.start_run() as run:
    mlflow.log_text("before", "notes/first.txt")
    model = mlflow.initialize_logged_model(name="echo")
    say(f"{run.info.run_id} {model.model_id}")
    begun = time.monotonic()
    weights = Path("weights.bin")
    weights.write_bytes(os.urandom(3_000_000))
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    mlflow.log_artifact(weights, "model")
    weights.write_bytes(b"changed right after the call")
    weights.unlink()
    folder = Path("many")
    for name in ("a.txt", "deep/b ü.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    mlflow.log_artifacts(folder, "many")
    for version in ("one", "two"):
        mlflow.log_text(version, "notes/again.txt")
    mlflow.log_dict({"a": 1}, "notes/a.json")
    mlflow.log_input(mlflow.data.from_pandas(pandas.DataFrame({"x": [1.0]}), name="points"))
    mlflow.MlflowClient().log_model_artifacts(model.model_id, folder)
    mlflow.finalize_logged_model(model.model_id, "READY")
    mlflow.log_metric("loss", 1.0)
    try:
        mlflow.artifacts.load_text(run.info.artifact_uri + "/notes/again.txt")
    except mlflow.MlflowException as error:
        assert "has not reached the server yet" in str(error), error
    else:
        raise AssertionError("read what the server has not")
    assert time.monotonic() - begun < 120  # MLflow would try for minutes, at each of them
    say(digest)
print("ended", flush=True)
"""


class Training:
    """A process that logs by stages, each of which it is told to go on to."""

    def __init__(self, place: Path, port: int) -> None:
        place.mkdir()
        self.spools = place / "spools"
        self.changes = {"HEADWATER_SPOOL_DIR": str(self.spools), "HEADWATER_FLUSH_SECONDS": "3"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", TRAIN],
            cwd=place,
            env=environment(
                MLFLOW_TRACKING_URI=f"headwater://127.0.0.1:{port}",
                MLFLOW_DISABLE_TELEMETRY="true",
                **self.changes,
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.run_id = self.model_id = ""

    def begun(self) -> None:
        self.run_id, self.model_id = self.heard().split()

    def heard(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        return line.strip()

    def go_on(self) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self.heard()

    def end(self) -> str:
        out, err = self.process.communicate("go\n", timeout=120)
        assert "ended" in out, err
        assert self.process.returncode == 0, err
        return err


def require_arrived(server: Server, training: Training, digest: str) -> None:
    client = MlflowClient(tracking_uri=server.url)
    run = client.get_run(training.run_id)
    assert run.info.status == "FINISHED"
    [dataset] = run.inputs.dataset_inputs
    assert dataset.dataset.name == "points"
    assert digest == sha256(server, f"{run.info.artifact_uri}/model/weights.bin")
    for path, text in (
        ("notes/first.txt", "before"),
        ("notes/again.txt", "two"),
        ("notes/a.json", '{\n  "a": 1\n}'),
        ("many/a.txt", "a.txt"),
        ("many/deep/b ü.txt", "deep/b ü.txt"),
    ):
        expected = hashlib.sha256(text.encode()).hexdigest()
        assert sha256(server, f"{run.info.artifact_uri}/{path}") == expected, path
    model: Any = client.get_logged_model(training.model_id)
    assert str(model.status) == "READY"
    files = {item.path for item in client.list_logged_model_artifacts(training.model_id)}
    assert files == {"a.txt", "deep"}


def sha256(server: Server, uri: str) -> str:
    fetched = mlflow.artifacts.download_artifacts(uri, tracking_uri=server.url)
    return hashlib.sha256(Path(fetched).read_bytes()).hexdigest()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def end_sender(spool: Path) -> None:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(spool) in process.cmdline():
                process.kill()
                process.wait(10)


def until_empty(spools: Path) -> None:
    deadline = time.monotonic() + 120
    while list(spools.glob("*")):
        assert time.monotonic() < deadline, list(spools.glob("*/*"))
        time.sleep(0.1)


@pytest.mark.alone
def test_artifacts_wait_for_a_server_that_dies_in_mid_training(tmp_path: Path) -> None:
    """One training sees it come back; the other ends, and ``headwater sync`` sends the rest."""
    place, port = tmp_path / "server", free_port()
    with running(place, "--port", str(port)) as server:
        staying, ending = Training(tmp_path / "staying", port), Training(tmp_path / "ending", port)
        staying.begun()
        ending.begun()
        server.process.kill()
        server.process.wait()
    digests = [staying.go_on(), ending.go_on()]
    said = ending.end()
    assert "artifacts and datasets are kept in" in said
    assert "artifacts or datasets among it" in said
    [spool] = ending.spools.glob("*")
    assert f"headwater sync {spool}" in said
    end_sender(spool)
    with running(place, "--port", str(port)) as server:
        staying.end()
        until_empty(staying.spools)
        server.wait_for_upstream()
        synced = subprocess.run(
            command("sync", "--json"),
            env=environment(**ending.changes),
            capture_output=True,
            text=True,
            check=False,
        )
        assert synced.returncode == 0, synced.stderr
        assert '"requests": 10,' in synced.stdout or '"requests": 10}' in synced.stdout
        assert list(ending.spools.glob("*")) == []
        for training, digest in zip((staying, ending), digests, strict=True):
            require_arrived(server, training, digest)
