"""MLflow's client on a machine with Headwater: what the server has is not sent, and kept here."""

import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blake3 import blake3
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository
from tests.contracts.test_artifact_store import safetensors, trained, weights
from tests.server import Server
from tests.unit.mlflow_plugin.conftest import MLFLOWS_WARNINGS

from headwater.mlflow_plugin.artifact_cache import ArtifactCache
from headwater.mlflow_plugin.fast_artifacts import FastArtifactsRepository

pytestmark = [pytest.mark.slow, *MLFLOWS_WARNINGS]

CONTENT = np.random.default_rng(11).bytes(6_000_000)


class Counting(FastArtifactsRepository):
    """Counts the bytes of what it sends."""

    sent = 0

    def _request(self, method: str, path: str, **options: Any) -> Any:
        data = options.get("data")
        if data is not None and not isinstance(data, bytes):
            data = b"".join(data)
            options["data"] = data
        self.sent += len(data or b"")
        return super()._request(method, path, **options)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "cache"
    monkeypatch.setenv("HEADWATER_CACHE_DIR", str(root))
    return root


@pytest.fixture
def repository(server: Server) -> Counting:
    return Counting(f"mlflow-artifacts:/{uuid.uuid4().hex}/artifacts", tracking_uri=server.url)


def file(tmp_path: Path, name: str, content: bytes) -> str:
    path = tmp_path / name
    path.write_bytes(content)
    return str(path)


def fetched(repository: FastArtifactsRepository, path: str, tmp_path: Path) -> bytes:
    target = tmp_path / uuid.uuid4().hex
    target.mkdir()
    return Path(repository.download_artifacts(path, str(target))).read_bytes()


def test_mlflow_gets_it_for_its_own_scheme(server: Server) -> None:
    found = get_artifact_repository("mlflow-artifacts:/1/r/artifacts", tracking_uri=server.url)
    assert type(found) is FastArtifactsRepository


def test_only_what_is_new_is_sent(repository: Counting, tmp_path: Path) -> None:
    repository.log_artifact(file(tmp_path, "a.bin", CONTENT), "models/one")
    assert repository.sent > len(CONTENT)
    repository.sent = 0
    repository.log_artifact(file(tmp_path, "b c.bin", CONTENT))
    assert repository.sent < 20_000
    repository.sent = 0
    changed = CONTENT[:3_000_000] + b"new" * 1_000 + CONTENT[3_000_000:]
    repository.log_artifact(file(tmp_path, "a.bin", changed), "models/two")
    assert repository.sent < 0.1 * len(changed)
    assert fetched(repository, "models/one/a.bin", tmp_path) == CONTENT
    assert fetched(repository, "b c.bin", tmp_path) == CONTENT
    assert fetched(repository, "models/two/a.bin", tmp_path) == changed
    names = [each.path for each in repository.list_artifacts("models")]
    assert names == ["models/one", "models/two"]


def test_tensors_are_told_so_that_the_server_can_make_differences(
    repository: Counting, tmp_path: Path, server: Server
) -> None:
    first = weights(5, 500_000).tobytes()
    versions = [safetensors({"w": first}), safetensors({"w": trained(first, 6)})]
    grown = []
    packs = server.data_dir / "artifacts" / ".headwater-store" / "packs"
    for number, content in enumerate(versions):
        before = sum(path.stat().st_size for path in packs.rglob("*") if path.is_file())
        repository.log_artifact(file(tmp_path, "m.safetensors", content), f"step-{number}")
        after = sum(path.stat().st_size for path in packs.rglob("*") if path.is_file())
        grown.append(after - before)
    assert grown[1] < 0.65 * grown[0]
    for number, content in enumerate(versions):
        assert fetched(repository, f"step-{number}/m.safetensors", tmp_path) == content


def test_an_upload_that_is_cut_off_goes_on_with_what_is_missing(
    repository: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = np.random.default_rng(12).bytes(70_000_000)
    plain, cuts = Counting._request, [50_000_000]

    def cutting(self: Any, method: str, path: str, **options: Any) -> Any:
        if method == "PUT" and cuts:
            most = cuts.pop()

            def until_cut(body: Any) -> Any:
                sent = 0
                for part in body:
                    yield part
                    sent += len(part)
                    if sent > most:
                        raise ConnectionError("cut off")

            options["data"] = until_cut(options["data"])
            return FastArtifactsRepository._request(self, method, path, **options)
        return plain(self, method, path, **options)

    monkeypatch.setattr(Counting, "_request", cutting)
    monkeypatch.setattr("headwater.mlflow_plugin.fast_artifacts._DELAY", 0.5)
    repository.log_artifact(file(tmp_path, "a.bin", content))
    assert repository.sent < 45_000_000
    assert fetched(repository, "a.bin", tmp_path) == content


def test_odd_names_go_as_mlflow_sends_them(repository: Counting, tmp_path: Path) -> None:
    repository.log_artifact(file(tmp_path, "a;b.bin", CONTENT))
    assert fetched(repository, "a;b.bin", tmp_path) == CONTENT
    with pytest.raises(MlflowException, match="Invalid artifact path"):
        repository.log_artifact(file(tmp_path, "a.bin", CONTENT), "../elsewhere")
    assert repository.sent == 0


def test_small_files_go_as_mlflow_sends_them(repository: Counting, tmp_path: Path) -> None:
    repository.log_artifact(file(tmp_path, "small.txt", b"hello"))
    assert repository.sent == 0
    assert fetched(repository, "small.txt", tmp_path) == b"hello"


def test_a_server_without_a_store_gets_what_mlflow_sends(
    repository: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Counting, "_server_has_store", lambda _: False)
    repository.log_artifact(file(tmp_path, "a.bin", CONTENT))
    assert repository.sent == 0
    assert fetched(repository, "a.bin", tmp_path) == CONTENT


def test_what_was_downloaded_is_not_fetched_again(
    repository: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.log_artifact(file(tmp_path, "a.bin", CONTENT))
    assert fetched(repository, "a.bin", tmp_path) == CONTENT

    def fetch(*_: object) -> None:
        raise AssertionError("the file was fetched again")

    monkeypatch.setattr(MlflowArtifactsRepository, "_download_file", fetch)
    assert fetched(repository, "a.bin", tmp_path) == CONTENT
    target = tmp_path / "mine"
    target.mkdir()
    path = Path(repository.download_artifacts("a.bin", str(target)))
    path.write_bytes(b"changed")  # somebody's own copy
    assert fetched(repository, "a.bin", tmp_path) == CONTENT


def test_what_was_damaged_on_its_way_is_not_taken(
    repository: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.log_artifact(file(tmp_path, "a.bin", CONTENT))
    plain = MlflowArtifactsRepository._download_file

    def damaging(self: Any, remote: str, local: str) -> None:
        plain(self, remote, local)
        with Path(local).open("r+b") as opened:
            opened.write(b"x")

    monkeypatch.setattr(MlflowArtifactsRepository, "_download_file", damaging)
    with pytest.raises(MlflowException, match="damaged on its way"):
        fetched(repository, "a.bin", tmp_path)


class Kept:
    """Files in a cache."""

    def __init__(self, root: Path, limit: int, *, links: bool = False) -> None:
        self.cache = ArtifactCache(root / "kept", limit, links=links)
        self._root = root

    def keep(self, content: bytes) -> str:
        digest = blake3(content).hexdigest()
        path = self._root / digest
        path.write_bytes(content)
        self.cache.keep(digest, len(content), path)
        return digest

    def get(self, digest: str, size: int) -> bytes | None:
        target = self._root / uuid.uuid4().hex
        if not self.cache.place(digest, size, target):
            assert not target.exists()
            return None
        return target.read_bytes()


def test_what_was_used_longest_ago_makes_room(tmp_path: Path) -> None:
    kept = Kept(tmp_path, limit=250)
    first, second = kept.keep(b"1" * 100), kept.keep(b"2" * 100)
    assert kept.get(first, 100) == b"1" * 100
    third = kept.keep(b"3" * 100)
    assert kept.get(second, 100) is None
    assert kept.get(first, 100) == b"1" * 100
    assert kept.get(third, 100) == b"3" * 100
    large = kept.keep(b"4" * 300)
    assert kept.get(large, 300) is None
    assert kept.get(third, 100) == b"3" * 100


def test_a_kept_file_that_somebody_changed_is_dropped(tmp_path: Path) -> None:
    kept = Kept(tmp_path, limit=1_000, links=True)
    digest = kept.keep(b"content")
    target = tmp_path / "linked"
    assert kept.cache.place(digest, 7, target)
    target.chmod(0o600)
    target.write_bytes(b"changed")
    assert kept.get(digest, 7) is None
    assert kept.get(kept.keep(b"content"), 7) == b"content"
