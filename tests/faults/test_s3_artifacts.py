"""Artifacts in a bucket through real servers and MLflow's own client, also when they are killed."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from blake3 import blake3
from tests.faults.proxy import Proxy
from tests.faults.test_lifecycle import until
from tests.s3 import S3, SECRET
from tests.server import Server, environment, running

from headwater.storage.artifacts.check import check
from headwater.storage.artifacts.open_uri import open_uri

pytestmark = pytest.mark.slow

ROUTE = "/api/2.0/mlflow-artifacts/artifacts"
PACK = 32 * 1024 * 1024
CONTENT = np.random.default_rng(0).bytes(PACK + 6_000_000)
PART = 3_000_000
STOCK = """
import pathlib, tempfile
import mlflow, numpy
mlflow.set_experiment("artifacts")
directory = pathlib.Path(tempfile.mkdtemp())
numpy.save(directory / "w.npy", numpy.arange(300_000, dtype="float32"))
(directory / "deep").mkdir()
(directory / "deep" / "note.txt").write_text("hello")
with mlflow.start_run() as run:
    mlflow.log_dict({"a": 1}, "notes/a.json")
    mlflow.log_artifacts(str(directory), "data")
client = mlflow.MlflowClient()
listed = sorted((each.path, each.is_dir) for each in client.list_artifacts(run.info.run_id))
assert listed == [("data", True), ("notes", True)], listed
path = client.download_artifacts(run.info.run_id, "data")
assert (numpy.load(path + "/w.npy") == numpy.arange(300_000)).all()
assert pathlib.Path(path, "deep", "note.txt").read_text() == "hello"
print(run.info.run_id)
"""


@contextlib.contextmanager
def serving(directory: Path, s3: S3, bucket: str, url: str | None = None) -> Iterator[Server]:
    destination = f"headwater-cas+s3://{bucket}/artifacts"
    with running(
        directory, "--artifacts-destination", destination, **s3.environment(url)
    ) as server:
        yield server


def test_mlflows_client_works_and_a_bucket_may_go_and_come(s3: S3, tmp_path: Path) -> None:
    bucket = s3.create_bucket()
    with (
        Proxy(s3.port) as proxy,
        serving(tmp_path / "data", s3, bucket, f"http://127.0.0.1:{proxy.port}") as server,
    ):
        done = subprocess.run(
            [sys.executable, "-c", STOCK],
            cwd=tmp_path,
            env=environment(MLFLOW_TRACKING_URI=server.url, MLFLOW_DISABLE_TELEMETRY="true"),
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        # The UI's way, through MLflow's own process, which has a client of the bucket as well.
        shown = f"{server.url}/get-artifact"
        parameters = {"run_id": done.stdout.split()[-1], "path": "notes/a.json"}
        assert httpx.get(shown, params=parameters, timeout=60).json() == {"a": 1}
        proxy.refuse()
        answers = [
            httpx.put(f"{server.url}{ROUTE}/w.bin", content=CONTENT[:PART], timeout=60),
            httpx.get(shown, params=parameters, timeout=60),
        ]
        assert httpx.get(f"{server.url}/health").status_code == 200
        proxy.accept()
        for answer in answers:
            assert (answer.status_code, answer.json()["error_code"]) == (
                503,
                "TEMPORARILY_UNAVAILABLE",
            )
            assert f"'{bucket}' does not answer" in answer.json()["message"]
        assert httpx.get(shown, params=parameters, timeout=60).json() == {"a": 1}
        url = f"{server.url}{ROUTE}/w.bin"
        httpx.put(url, content=CONTENT[:PART], timeout=60).raise_for_status()
        assert httpx.get(url, timeout=60).content == CONTENT[:PART]
        assert SECRET not in server.log.read_text() + "".join(each.text for each in answers)
        assert list((server.data_dir / "artifact-index").glob("*.db"))
        assert server.stop() == 0
    assert not (tmp_path / "data" / "headwater-data" / "artifacts").exists()


def packed(s3: S3, bucket: str) -> int:
    found = s3.client().list_objects_v2(Bucket=bucket, Prefix="artifacts/.headwater-store/packs/")
    return sum(each["Size"] for each in found.get("Contents", []))


def test_a_server_that_is_killed_amid_an_upload_publishes_nothing_half(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = s3.create_bucket()
    gone = threading.Event()

    def pieces() -> Iterator[bytes]:
        for first in range(0, len(CONTENT) - 500_000, 1_000_000):
            yield CONTENT[first : first + 1_000_000]
        gone.wait(60)

    def upload(server: Server) -> None:
        with contextlib.suppress(httpx.TransportError):
            httpx.put(f"{server.url}{ROUTE}/model.bin", content=pieces(), timeout=60)

    with serving(tmp_path / "data", s3, bucket) as server:
        httpx.put(f"{server.url}{ROUTE}/model.bin", content=b"the last version")
        thread = threading.Thread(target=upload, args=(server,))
        thread.start()
        until(lambda: packed(s3, bucket) > 0)
        server.process.kill()
        server.process.wait()
        gone.set()
        thread.join()
    with serving(tmp_path / "data", s3, bucket) as server:
        url = f"{server.url}{ROUTE}/model.bin"
        assert httpx.get(url, timeout=60).content == b"the last version"
        assert packed(s3, bucket) >= PACK
        httpx.put(url, content=CONTENT, timeout=60).raise_for_status()
        # What had been packed by the first attempt is not stored again.
        assert packed(s3, bucket) < len(CONTENT) + 1_500_000
    s3.use(monkeypatch)
    store = open_uri(f"headwater-cas+s3://{bucket}/artifacts", tmp_path / "index").store
    assert list(store.paths()) == ["model.bin"]
    assert list(check(store)) == []
    found = store.find("model.bin")
    assert found is not None
    assert found.digest == blake3(CONTENT).digest()
    store.close()


def test_a_bucket_that_is_none_ends_the_server_with_its_name(s3: S3, tmp_path: Path) -> None:
    with serving(tmp_path / "data", s3, "no-such-bucket") as server:
        assert server.process.wait(60) == 1
        assert "'no-such-bucket' does not exist" in server.log.read_text()
