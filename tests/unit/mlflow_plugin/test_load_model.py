"""Models through the cache, from a real server, in several processes."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow.exceptions import MlflowException
from tests.contracts.test_artifact_store import safetensors, trained, weights
from tests.server import Server, command, environment
from tests.unit.mlflow_plugin.conftest import MLFLOWS_WARNINGS

import headwater
from headwater.mlflow_plugin import download, successor
from headwater.mlflow_plugin.artifact_server import ArtifactServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::UserWarning"),
    *MLFLOWS_WARNINGS,
]

WEIGHTS = {f"layer.{n}": weights(n, 150_000).tobytes() for n in range(4)}


LOG = """
import pathlib, sys
import mlflow, numpy


class Scaled(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        content = pathlib.Path(context.artifacts["weights"]).read_bytes()
        begin = 8 + int.from_bytes(content[:8], "little")
        self.scale = float(numpy.frombuffer(content[begin : begin + 4], "<f4")[0])

    def predict(self, context, model_input, params=None):
        return numpy.asarray(model_input) * self.scale


for version in (1, 2):
    with mlflow.start_run():
        mlflow.pyfunc.log_model(
            name="scaled",
            python_model=Scaled(),
            artifacts={"weights": f"{sys.argv[1]}/{version}/model.safetensors"},
            registered_model_name="scaled",
            pip_requirements=[],
        )
"""
"""A stock client that logs models of its own class."""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "cache"
    monkeypatch.setenv("HEADWATER_CACHE_DIR", str(root))
    return root


@pytest.fixture(scope="module")
def tracked(server: Server) -> Iterator[Server]:
    before = mlflow.get_tracking_uri()
    server.wait_for_upstream()
    mlflow.set_tracking_uri(server.url)
    yield server
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def name(tracked: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A registered model with two versions, of which the first is the champion."""
    directory = tmp_path_factory.mktemp("weights")
    for version in (1, 2):
        path = directory / str(version) / "model.safetensors"
        path.parent.mkdir()
        scale = np.full(2_000, version, "<f4").tobytes()
        path.write_bytes(safetensors({"scale": scale, **WEIGHTS}))
    run_program(LOG, tracked, str(directory))
    mlflow.MlflowClient().set_registered_model_alias("scaled", "champion", "1")
    return "scaled"


def run_program(
    program: str, server: Server, *arguments: str, **changes: str
) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *arguments],
        env=environment(MLFLOW_TRACKING_URI=server.url, MLFLOW_DISABLE_TELEMETRY="true", **changes),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that are fetched from the server."""
    found: list[str] = []
    opened = ArtifactServer.open

    def opening(self: Any, path: str, *rest: Any) -> Any:
        found.append(path)
        return opened(self, path, *rest)

    monkeypatch.setattr(ArtifactServer, "open", opening)
    return found


def predicted(model: Any) -> list[float]:
    return [float(each) for each in model.predict(np.array([1.0, 2.0]))]


def test_a_model_is_downloaded_once_and_its_alias_asked_for_each_time(
    name: str, fetched: list[str]
) -> None:
    assert predicted(headwater.load_model(f"models:/{name}@champion")) == [1.0, 2.0]
    assert fetched
    fetched.clear()
    assert predicted(headwater.load_model(f"models:/{name}@champion")) == [1.0, 2.0]
    assert fetched == []
    mlflow.MlflowClient().set_registered_model_alias(name, "champion", "2")
    try:
        assert predicted(headwater.load_model(f"models:/{name}@champion")) == [2.0, 4.0]
    finally:
        mlflow.MlflowClient().set_registered_model_alias(name, "champion", "1")


def test_every_way_to_name_a_model_works(name: str, tmp_path: Path, fetched: list[str]) -> None:
    headwater.load_model(f"models:/{name}/1")
    fetched.clear()
    source = mlflow.MlflowClient().get_model_version(name, "1").source
    model = mlflow.get_logged_model(source.removeprefix("models:/"))
    uris = [source, f"runs:/{model.source_run_id}/scaled"]
    local = mlflow.artifacts.download_artifacts(f"models:/{name}/1", dst_path=str(tmp_path))
    for uri in (*uris, local):
        assert predicted(headwater.load_model(uri, flavor="pyfunc")) == [1.0, 2.0]
    assert fetched == []
    named = [f"models:/{name}/1", f"models:/{name}@champion", *uris]
    assert len({successor._store_path(each) for each in named}) == 1
    latest = successor._store_path(f"models:/{name}/latest/artifacts")
    assert latest == f"{successor._store_path(f'models:/{name}/2')}/artifacts"


def test_what_is_not_there_is_an_error(name: str, cache: Path) -> None:
    for uri in (f"models:/{name}/77", f"models:/{name}@nobody", "models:/m-unknown"):
        with pytest.raises(MlflowException):
            headwater.load_model(uri)
    with pytest.raises(MlflowException, match="no flavor"):
        headwater.load_model(f"models:/{name}/1", flavor="../os")
    with pytest.raises(MlflowException, match="no loader"):
        headwater.load_model(f"models:/{name}/1", flavor="nonsense")
    assert list(cache.glob("views/*/*")) == []


def test_a_lazy_model_maps_its_tensors(name: str) -> None:
    model = headwater.load_model(f"models:/{name}/1", lazy=True)
    assert set(model.tensors) == {"scale", *WEIGHTS}
    for key, content in WEIGHTS.items():
        array = model.tensors[key]
        assert array.dtype == np.float32
        assert array.tobytes() == content
        assert not array.flags.owndata
        assert not array.flags.writeable
    assert predicted(model.load()) == [1.0, 2.0]


def test_prefetch_tells_what_came_and_leaves_nothing_but_the_cache(
    name: str, cache: Path, fetched: list[str]
) -> None:
    (first,) = headwater.prefetch(f"models:/{name}/1")
    assert first.files > 3
    assert first.fetched == first.size > 2_000_000
    again, other = headwater.prefetch([f"models:/{name}/1", f"models:/{name}/2"])
    assert again.fetched == 0
    assert 0 < other.fetched <= other.size
    assert list(cache.glob("views/*/*")) == []
    fetched.clear()
    headwater.load_model(f"models:/{name}/1")
    assert fetched == []


def test_what_cannot_be_kept_is_not_prefetched(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MlflowException, match="no artifact store"):
        headwater.prefetch(str(tmp_path))
    monkeypatch.setenv("HEADWATER_CACHE_LIMIT", "100000")
    with pytest.raises(MlflowException, match="HEADWATER_CACHE_LIMIT"):
        headwater.prefetch(f"models:/{name}/1")


def test_the_command_prefetches(name: str, tracked: Server, cache: Path) -> None:
    uris = [f"models:/{name}@champion", f"models:/{name}@nobody"]
    done = subprocess.run(
        command("models", "prefetch", "--json", *uris),
        env=environment(MLFLOW_TRACKING_URI=tracked.url, HEADWATER_CACHE_DIR=str(cache)),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert "nobody" in done.stderr
    first, second = json.loads(done.stdout)
    assert first["fetched"] == first["size"] > 0
    assert first["fault"] is None
    assert second["fault"]


def test_processes_that_want_the_same_fetch_it_once(
    name: str, tracked: Server, cache: Path
) -> None:
    program = f"import headwater; print(headwater.prefetch('models:/{name}/1')[0].fetched)"
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", program],
            env=environment(MLFLOW_TRACKING_URI=tracked.url, HEADWATER_CACHE_DIR=str(cache)),
            stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    fetched = [int(each.communicate(timeout=120)[0]) for each in processes]
    assert sum(fetched) == headwater.prefetch(f"models:/{name}/1")[0].size


def test_views_of_processes_that_were_killed_are_cleared_away(
    name: str, tracked: Server, cache: Path
) -> None:
    program = f"import headwater, time; headwater.load_tensors('models:/{name}/1'); time.sleep(100)"
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program],
        env=environment(MLFLOW_TRACKING_URI=tracked.url, HEADWATER_CACHE_DIR=str(cache)),
    )
    deadline = time.monotonic() + 60
    while not list(cache.glob("views/*/**/model.safetensors")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    (alive,) = (each for each in (cache / "views").iterdir() if each.is_dir())
    headwater.load_tensors(f"models:/{name}/1")
    assert alive.exists()
    process.kill()
    process.wait()
    headwater.load_tensors(f"models:/{name}/1")
    assert not alive.exists()


def test_kept_files_are_compared_with_their_hash_in_another_boot(
    name: str, cache: Path, fetched: list[str]
) -> None:
    uri = f"models:/{name}/1"
    before = headwater.load_tensors(uri)["layer.1"].tobytes()
    fetched.clear()
    for stamp in cache.glob("*/*.stamp"):
        stamp.write_text(f"{stamp.read_text().split()[0]} another")
    assert headwater.load_tensors(uri)["layer.1"].tobytes() == before
    assert fetched == []  # it was as it had been
    for stamp in cache.glob("*/*.stamp"):  # as after a loss of power
        kept = stamp.with_suffix("")
        about = kept.stat()
        kept.chmod(0o600)
        kept.write_bytes(bytes(about.st_size))
        os.utime(kept, ns=(about.st_atime_ns, about.st_mtime_ns))
        stamp.write_text(f"{about.st_mtime_ns} another")
    assert headwater.load_tensors(uri)["layer.1"].tobytes() == before
    assert fetched


def packed(server: Server) -> int:
    packs = server.data_dir / "artifacts" / ".headwater-store" / "packs"
    return sum(path.stat().st_size for path in packs.rglob("*") if path.is_file())


@pytest.mark.parametrize("way", ["models", "runs", "artifact"])
def test_a_declared_base_is_what_differences_are_made_against(
    tracked: Server, tmp_path: Path, way: str
) -> None:
    """Of another experiment, beside a later file of the same structure that is not like it."""
    seed = 100 + len(way)
    first = weights(seed, 400_000).tobytes()
    path = tmp_path / "m.safetensors"

    def log(experiment: str, content: bytes, base: str | None) -> Any:
        path.write_bytes(safetensors({f"w{way}": content}))
        mlflow.set_experiment(experiment)
        with mlflow.start_run() as run:
            headwater.log_artifact(str(path), "data", base=base)
        return run.info

    def log_model() -> str:
        mlflow.set_experiment(f"{way}-models")
        path.write_bytes(safetensors({f"w{way}": first}))
        model = mlflow.initialize_logged_model(name="m")
        mlflow.MlflowClient().log_model_artifacts(model.model_id, str(tmp_path))
        return f"models:/{model.model_id}"

    if way == "models":
        base = log_model()
    else:
        run = log(f"{way}-one", first, None)
        root = {"runs": f"runs:/{run.run_id}/data", "artifact": run.artifact_uri}[way]
        base = root if way == "runs" else f"{root}/data/m.safetensors"
    grown = []
    for number, declared in enumerate((base, None)):
        log(f"{way}-{number}", weights(seed + 50 + number, 400_000).tobytes(), None)
        before = packed(tracked)
        log(f"{way}-{number}", trained(first, seed + number), declared)
        grown.append(packed(tracked) - before)
    assert grown[0] < 0.6 * len(first)
    assert grown[1] > 0.8 * len(first)


def test_a_version_is_a_difference_to_the_last_one_of_its_registered_model(
    tracked: Server, tmp_path: Path
) -> None:
    """Undeclared, and beside a later file of the same structure that is of another model."""
    path = tmp_path / "m.safetensors"
    mlflow.set_experiment("families")

    def register(name: str, content: bytes) -> int:
        """Return by how many bytes the packs have grown."""
        path.write_bytes(safetensors({"families": content}))
        before = packed(tracked)
        model = mlflow.initialize_logged_model(name="model")
        mlflow.MlflowClient().log_model_artifacts(model.model_id, str(tmp_path))
        mlflow.MlflowClient().finalize_logged_model(model.model_id, "READY")
        mlflow.register_model(f"models:/{model.model_id}", name)
        time.sleep(1.1)  # what is registered is looked for once a second
        return packed(tracked) - before

    versions = {name: weights(seed, 400_000).tobytes() for name, seed in (("de", 301), ("fr", 302))}
    assert all(register(*each) > 0.8 * 1_600_000 for each in versions.items())
    for number, name in enumerate(("de", "fr", "de", "de")):
        versions[name] = trained(versions[name], 303 + number)
        assert register(name, versions[name]) < 0.6 * 1_600_000
    for name, newest in (("de", 4), ("fr", 2)):
        found = headwater.load_tensors(f"models:/{name}/{newest}/m.safetensors")
        assert found["families"].tobytes() == versions[name]


def test_a_base_that_is_not_there_is_an_error(tracked: Server, tmp_path: Path) -> None:
    for uri in ("models:/nothing@champion", str(tmp_path)):
        with pytest.raises(MlflowException), headwater.successor_of(uri):
            raise AssertionError


def test_download_program_killed_amid_a_file_goes_on(
    tracked: Server, tmp_path: Path, cache: Path, fetched: list[str]
) -> None:
    content = np.random.default_rng(77).bytes(100_000_000)
    path = tmp_path / "large.bin"
    path.write_bytes(content)
    with mlflow.start_run() as run:
        mlflow.log_artifact(str(path))
    uri = f"runs:/{run.info.run_id}/large.bin"
    program = (
        "import headwater, time\n"
        "from headwater.mlflow_plugin import download\n"
        "plain = download._write\n"
        "def slowly(*arguments):\n"
        "    time.sleep(0.05)\n"
        "    plain(*arguments)\n"
        "download._write = slowly\n"
        f"headwater.prefetch({uri!r})\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program],
        env=environment(MLFLOW_TRACKING_URI=tracked.url, HEADWATER_CACHE_DIR=str(cache)),
    )
    deadline = time.monotonic() + 60
    while sum(len(each.read_text().split()) for each in cache.glob("*/*.ranges")) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert headwater.prefetch(uri)[0].size == len(content)
    assert 0 < len(fetched) <= -(-len(content) // download.RANGE_BYTES) - 2
    local = mlflow.artifacts.download_artifacts(uri, dst_path=str(tmp_path / "copy"))
    assert Path(local).read_bytes() == content
