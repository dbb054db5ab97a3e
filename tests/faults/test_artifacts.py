"""Artifacts through real servers and MLflow's own client, also when they are killed."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import numpy as np
import pytest
from tests.faults.test_lifecycle import until
from tests.server import Server, environment, running

from headwater.storage.artifacts.check import check
from headwater.storage.artifacts.overlay import STORE_DIRECTORY
from headwater.storage.artifacts.store import open_local_store

pytestmark = pytest.mark.slow

ROUTE = "/api/2.0/mlflow-artifacts/artifacts"
CONTENT = np.random.default_rng(0).bytes(120_000_000)
STOCK = """
import sys, tempfile, pathlib
import mlflow, numpy, sklearn.linear_model
mlflow.set_experiment("artifacts")
with mlflow.start_run() as run:
    mlflow.log_text("hello", "notes/hello.txt")
    mlflow.log_dict({"a": 1}, "notes/a.json")
    directory = pathlib.Path(tempfile.mkdtemp())
    numpy.save(directory / "w.npy", numpy.arange(300_000, dtype="float32"))
    mlflow.log_artifacts(str(directory), "data")
    x = numpy.arange(20.0).reshape(10, 2)
    model = sklearn.linear_model.LinearRegression().fit(x, x.sum(1))
    info = mlflow.sklearn.log_model(model, name="model", registered_model_name="adder")
loaded = mlflow.pyfunc.load_model("models:/adder/1")
assert numpy.allclose(loaded.predict(x), x.sum(1))
client = mlflow.MlflowClient()
found = client.list_artifacts(run.info.run_id)
listed = sorted((each.path, each.is_dir, each.file_size) for each in found)
assert listed == [("data", True, None), ("notes", True, None)], listed
assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/hello.txt") == "hello"
path = client.download_artifacts(run.info.run_id, "data")
assert (numpy.load(path + "/w.npy") == numpy.arange(300_000)).all()
print(run.info.run_id)
"""


def store_of(server: Server) -> Path:
    return server.data_dir / "artifacts" / STORE_DIRECTORY


def test_mlflows_client_and_its_models_work_on_the_store(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        done = subprocess.run(
            [sys.executable, "-c", STOCK],
            cwd=tmp_path,
            env=environment(MLFLOW_TRACKING_URI=server.url, MLFLOW_DISABLE_TELEMETRY="true"),
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        run_id = done.stdout.split()[-1]
        # The UI's way, through MLflow's own code.
        shown = httpx.get(
            f"{server.url}/get-artifact", params={"run_id": run_id, "path": "notes/a.json"}
        )
        assert shown.json() == {"a": 1}
        store = open_local_store(store_of(server))
        assert len(list(store.paths())) > 5
        assert list(check(store)) == []
        store.close()
        plain = [
            path
            for path in (server.data_dir / "artifacts").rglob("*")
            if path.is_file() and STORE_DIRECTORY not in path.parts
        ]
        assert plain == []


def upload(server: Server, name: str, content: bytes) -> None:
    def slowly() -> "list[bytes]":
        return [content[first : first + 65_536] for first in range(0, len(content), 65_536)]

    with contextlib.suppress(httpx.TransportError):
        httpx.put(f"{server.url}{ROUTE}/{name}", content=iter(slowly()), timeout=60)


def packed(server: Server) -> int:
    found = (store_of(server) / "packs").rglob("*")
    return sum(path.stat().st_size for path in found if path.is_file())


def test_a_server_that_is_killed_amid_an_upload_publishes_nothing_half(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        httpx.put(f"{server.url}{ROUTE}/model.bin", content=b"the last version")
        thread = threading.Thread(target=upload, args=(server, "model.bin", CONTENT))
        thread.start()
        until(lambda: packed(server) > 0)
        server.process.kill()
        server.process.wait()
        thread.join()
    with running(tmp_path / "data") as server:
        url = f"{server.url}{ROUTE}/model.bin"
        assert httpx.get(url).content == b"the last version"
        before = packed(server)
        assert before > 0
        httpx.put(url, content=CONTENT, timeout=120).raise_for_status()
        # What had been packed by the first attempt is not stored again.
        assert packed(server) < len(CONTENT) + 5_000_000
        assert httpx.get(url, timeout=120).content == CONTENT
        store = open_local_store(store_of(server))
        assert list(check(store)) == []
        store.close()


@pytest.mark.parametrize("route", ["plain", "chunks"])
def test_a_server_stops_amid_an_upload(tmp_path: Path, route: str) -> None:
    with running(tmp_path / "data") as server:
        path = f"{ROUTE}/w.bin" if route == "plain" else "/api/2.0/headwater/artifacts/file?path=w"
        port = httpx.URL(server.url).port
        assert port is not None
        with socket.create_connection(("127.0.0.1", port)) as connection:
            head = (
                f"PUT {path} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: 1000000\r\n\r\n"
            )
            connection.sendall(head.encode() + b"HWAF")
            assert httpx.get(f"{server.url}/health").status_code == 200
            assert server.stop() == 0
            assert connection.recv(12) == b"HTTP/1.1 503"
        log = server.log.read_text()
        assert f"the upload to {path.partition('?')[0]} was cut off" in log
        assert "Traceback" not in log


def test_memory_is_bounded_whatever_the_file(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        httpx.put(f"{server.url}{ROUTE}/small.bin", content=CONTENT[:1_000_000])
        status = Path(f"/proc/{server.process.pid}/status")

        def peak() -> int:
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
            return int(lines["VmHWM"].split()[0]) // 1024

        before = peak()
        for name in "ab":
            content = os.urandom(1_000) + CONTENT * 4 if name == "a" else CONTENT * 4
            httpx.put(
                f"{server.url}{ROUTE}/{name}.bin", content=content, timeout=120
            ).raise_for_status()
            with httpx.stream("GET", f"{server.url}{ROUTE}/{name}.bin", timeout=120) as answer:
                size = sum(len(part) for part in answer.iter_bytes())
            assert size == len(content)
        assert peak() - before < 200
