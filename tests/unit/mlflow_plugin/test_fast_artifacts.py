"""MLflow's client on a machine with Headwater: what the server has is not sent, and kept here."""

import io
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import urllib3
from blake3 import blake3
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from requests import HTTPError
from tests.contracts.test_artifact_store import safetensors, trained, weights
from tests.server import Server
from tests.unit.mlflow_plugin.conftest import MLFLOWS_WARNINGS

from headwater.mlflow_plugin import artifact_cache, download
from headwater.mlflow_plugin.artifact_cache import ArtifactCache
from headwater.mlflow_plugin.artifact_server import ArtifactServer
from headwater.mlflow_plugin.fast_artifacts import FastArtifactsRepository
from headwater.mlflow_plugin.transfer_progress import SHOWN_FROM, transfer_progress

pytestmark = [pytest.mark.slow, *MLFLOWS_WARNINGS]

UNCOUNTED = ArtifactServer.request
CONTENT = np.random.default_rng(11).bytes(6_000_000)


class Sent:
    """Counts the bytes of what is sent to Headwater's own routes, and of what is fetched."""

    def __init__(self) -> None:
        self.sent = 0
        self.verbs: list[str] = []
        self.fetched = 0


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Sent:
    found = Sent()
    request, opened = ArtifactServer.request, ArtifactServer.open

    def counting(self: Any, method: str, verb: str, *query: Any, **options: Any) -> Any:
        found.verbs.append(verb)
        data = options.get("data")
        if data is not None and not isinstance(data, bytes):
            data = b"".join(data)
            options["data"] = data
        found.sent += len(data or b"")
        return request(self, method, verb, *query, **options)

    def fetching(self: Any, path: str, digest: str, start: int, end: int) -> Any:
        found.fetched += end - start
        return opened(self, path, digest, start, end)

    monkeypatch.setattr(ArtifactServer, "request", counting)
    monkeypatch.setattr(ArtifactServer, "open", fetching)
    return found


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "cache"
    monkeypatch.setenv("HEADWATER_CACHE_DIR", str(root))
    return root


@pytest.fixture
def repository(server: Server) -> FastArtifactsRepository:
    return FastArtifactsRepository(
        f"mlflow-artifacts:/{uuid.uuid4().hex}/artifacts", tracking_uri=server.url
    )


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


def test_only_what_is_new_is_sent(
    repository: FastArtifactsRepository, counted: Sent, tmp_path: Path
) -> None:
    repository.log_artifact(file(tmp_path, "a.bin", CONTENT), "models/one")
    assert counted.sent > len(CONTENT)
    counted.sent = 0
    repository.log_artifact(file(tmp_path, "b c.bin", CONTENT))
    assert counted.sent == 0  # the server has copied it
    changed = CONTENT[:3_000_000] + b"new" * 1_000 + CONTENT[3_000_000:]
    repository.log_artifact(file(tmp_path, "a.bin", changed), "models/two")
    assert counted.sent < 0.1 * len(changed)
    assert fetched(repository, "models/one/a.bin", tmp_path) == CONTENT
    assert fetched(repository, "b c.bin", tmp_path) == CONTENT
    assert fetched(repository, "models/two/a.bin", tmp_path) == changed
    names = [each.path for each in repository.list_artifacts("models")]
    assert names == ["models/one", "models/two"]


def test_a_copy_of_what_was_deleted_is_sent_again(
    repository: FastArtifactsRepository, counted: Sent, tmp_path: Path
) -> None:
    content = np.random.default_rng(13).bytes(1_000_000)
    repository.log_artifact(file(tmp_path, "a.bin", content))
    repository.delete_artifacts("a.bin")
    repository.log_artifact(file(tmp_path, "b.bin", content))
    assert counted.verbs.count("file") == 2
    assert fetched(repository, "b.bin", tmp_path) == content


def test_a_file_of_the_same_size_is_no_copy(
    repository: FastArtifactsRepository, tmp_path: Path
) -> None:
    contents = [np.random.default_rng(seed).bytes(400_000) for seed in (14, 15)]
    for number, content in enumerate(contents):
        repository.log_artifact(file(tmp_path, f"{number}.bin", content))
    for number, content in enumerate(contents):
        assert fetched(repository, f"{number}.bin", tmp_path) == content


def test_tensors_are_told_so_that_the_server_can_make_differences(
    repository: FastArtifactsRepository, tmp_path: Path, server: Server
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
    repository: FastArtifactsRepository,
    counted: Sent,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = np.random.default_rng(12).bytes(70_000_000)
    plain, cuts = ArtifactServer.request, [20_000_000]

    def until_cut(body: Any, most: int) -> Any:
        sent = 0
        for part in body:
            yield part
            sent += len(part)
            if sent > most:
                raise ConnectionError("cut off")

    def cut_once(self: Any, method: str, verb: str, *query: Any, **options: Any) -> Any:
        if verb == "part" and cuts:
            options["data"] = until_cut(options["data"], cuts.pop())
            return UNCOUNTED(self, method, verb, *query, **options)
        return plain(self, method, verb, *query, **options)

    monkeypatch.setattr(ArtifactServer, "request", cut_once)
    monkeypatch.setattr("headwater.mlflow_plugin.upload._DELAY", 0.1)
    repository.log_artifact(file(tmp_path, "a.bin", content))
    assert not cuts
    # The other parts got there beside the one that was cut off, which was sent again.
    assert counted.verbs.count("part") == 2
    assert counted.sent < len(content) + 1_000_000
    assert fetched(repository, "a.bin", tmp_path) == content


def test_what_the_server_refuses_is_not_sent_again(
    repository: FastArtifactsRepository, counted: Sent, tmp_path: Path
) -> None:
    repository.log_artifact(file(tmp_path, "a.bin", CONTENT))
    counted.verbs.clear()
    changed = file(tmp_path, "b.bin", CONTENT + b"more")
    with pytest.raises(HTTPError, match=r"'.*/a\.bin' is a file"):
        repository.log_artifact(changed, "a.bin")
    assert counted.verbs.count("file") == 1


def test_a_limit_ends_an_upload_before_it_is_sent(
    repository: FastArtifactsRepository, counted: Sent, tmp_path: Path, server: Server
) -> None:
    tags = [{"key": "headwater.artifact_quota", "value": "10MB"}]
    made = httpx.post(
        f"{server.url}/api/2.0/mlflow/experiments/create",
        json={"name": uuid.uuid4().hex, "tags": tags},
    )
    limited = FastArtifactsRepository(
        f"mlflow-artifacts:/{made.json()['experiment_id']}", tracking_uri=server.url
    )
    time.sleep(1.1)  # limits that were read are believed for a second
    small = file(tmp_path, "a.bin", CONTENT)
    for each in (repository, limited):  # the second one is a copy
        each.log_artifact(small)
    counted.verbs.clear()
    with pytest.raises(HTTPError, match="have reached their limit"):
        limited.log_artifact(small, "other")
    assert counted.verbs[-1] == "copy"
    counted.verbs.clear()
    large = file(tmp_path, "b.bin", np.random.default_rng(17).bytes(70_000_000))
    with pytest.raises(HTTPError, match=r"'.*/b\.bin' of 70 MB would be too much"):
        limited.log_artifact(large)
    assert "part" in counted.verbs
    assert "file" not in counted.verbs
    assert [each.path for each in limited.list_artifacts()] == ["a.bin"]


def test_an_upload_that_was_killed_is_taken_up_by_the_next_one(
    repository: FastArtifactsRepository, counted: Sent, tmp_path: Path, server: Server
) -> None:
    content = np.random.default_rng(16).bytes(100_000_000)
    path = file(tmp_path, "large.bin", content)
    program = (
        "import time\n"
        "from headwater.mlflow_plugin import fast_artifacts, upload\n"
        "plain = upload.encode_content\n"
        "def slowly(compressed):\n"
        "    time.sleep(0.005)\n"
        "    return plain(compressed)\n"
        "upload.encode_content = slowly\n"
        "upload.CONNECTIONS = 1\n"
        f"uri = 'mlflow-artifacts:/{repository._server.path()}'\n"
        f"opened = fast_artifacts.FastArtifactsRepository(uri, tracking_uri={server.url!r})\n"
        f"opened.log_artifact({path!r})\n"
    )
    packs = server.data_dir / "artifacts" / ".headwater-store" / "packs"

    def packed() -> int:
        return sum(each.stat().st_size for each in packs.rglob("*") if each.is_file())

    before = packed()
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", program])
    deadline = time.monotonic() + 120
    while packed() < before + 33_000_000:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert repository.list_artifacts() == []
    repository.log_artifact(path)
    assert counted.sent < 67_000_000
    assert fetched(repository, "large.bin", tmp_path) == content


def test_odd_names_go_as_mlflow_sends_them(
    repository: FastArtifactsRepository, counted: Sent, tmp_path: Path
) -> None:
    repository.log_artifact(file(tmp_path, "a;b.bin", CONTENT))
    assert fetched(repository, "a;b.bin", tmp_path) == CONTENT
    with pytest.raises(MlflowException, match="Invalid artifact path"):
        repository.log_artifact(file(tmp_path, "a.bin", CONTENT), "../elsewhere")
    assert counted.sent == 0


def test_small_files_go_as_mlflow_sends_them(
    repository: FastArtifactsRepository, counted: Sent, tmp_path: Path
) -> None:
    repository.log_artifact(file(tmp_path, "small.txt", b"hello"))
    assert counted.sent == 0
    assert fetched(repository, "small.txt", tmp_path) == b"hello"


def test_a_server_without_a_store_gets_what_mlflow_sends(
    repository: FastArtifactsRepository,
    counted: Sent,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ArtifactServer, "has_store", lambda _: False)
    repository.log_artifact(file(tmp_path, "a.bin", CONTENT))
    assert counted.sent == 0
    assert fetched(repository, "a.bin", tmp_path) == CONTENT


def test_what_was_downloaded_is_not_fetched_again(
    repository: FastArtifactsRepository, counted: Sent, tmp_path: Path
) -> None:
    repository.log_artifact(file(tmp_path, "a.bin", CONTENT))
    assert fetched(repository, "a.bin", tmp_path) == CONTENT
    assert fetched(repository, "a.bin", tmp_path) == CONTENT
    target = tmp_path / "mine"
    target.mkdir()
    path = Path(repository.download_artifacts("a.bin", str(target)))
    path.write_bytes(b"changed")  # somebody's own copy
    assert fetched(repository, "a.bin", tmp_path) == CONTENT
    assert counted.fetched == len(CONTENT)


def test_what_does_not_fit_into_the_cache_is_fetched_past_it(
    repository: FastArtifactsRepository,
    counted: Sent,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HEADWATER_CACHE_LIMIT", "5999999")
    repository.log_artifact(file(tmp_path, "a.bin", CONTENT))
    for count in (1, 2):
        assert fetched(repository, "a.bin", tmp_path) == CONTENT
        assert counted.fetched == count * len(CONTENT)


def test_what_was_damaged_on_its_way_is_not_taken(
    repository: FastArtifactsRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.log_artifact(file(tmp_path, "a.bin", CONTENT))
    plain = download._write

    def damaging(descriptor: int, content: bytes, at: int) -> None:
        plain(descriptor, b"x" + content[1:] if at == 0 else content, at)

    monkeypatch.setattr(download, "_write", damaging)
    with pytest.raises(MlflowException, match="damaged on its way"):
        fetched(repository, "a.bin", tmp_path)
    monkeypatch.setattr(download, "_write", plain)
    assert fetched(repository, "a.bin", tmp_path) == CONTENT


def test_a_download_that_is_cut_off_goes_on_where_it_was(
    repository: FastArtifactsRepository,
    counted: Sent,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(download, "_DELAY", 0.01)
    monkeypatch.setattr(download, "RANGE_BYTES", 4_000_000)
    repository.log_artifact(file(tmp_path, "a.bin", CONTENT))
    opened, cuts = ArtifactServer.open, [500_000] * 5

    def cutting(self: Any, path: str, digest: str, start: int, end: int) -> Any:
        answer = opened(self, path, digest, start, end)
        if cuts:
            most, read = cuts.pop(), answer.raw.read

            def until_cut(size: int, **options: Any) -> bytes:
                nonlocal most
                if most <= 0:
                    raise urllib3.exceptions.ProtocolError("cut off")
                most -= size
                return bytes(read(size, **options))

            answer.raw.read = until_cut
        return answer

    monkeypatch.setattr(ArtifactServer, "open", cutting)
    assert fetched(repository, "a.bin", tmp_path) == CONTENT
    assert cuts == []
    assert counted.fetched > len(CONTENT)


def test_what_a_killed_download_has_left_is_not_fetched_again(
    repository: FastArtifactsRepository,
    counted: Sent,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(download, "RANGE_BYTES", 1_000_000)
    repository.log_artifact(file(tmp_path, "a.bin", CONTENT))
    plain, rest = ArtifactServer.open, [4]

    def ending(*arguments: Any) -> Any:
        if not rest[0]:
            raise MlflowException("killed")
        rest[0] -= 1
        return plain(*arguments)

    monkeypatch.setattr(ArtifactServer, "open", ending)
    with pytest.raises(MlflowException, match="killed"):
        fetched(repository, "a.bin", tmp_path)
    monkeypatch.setattr(ArtifactServer, "open", plain)
    counted.fetched = 0
    assert fetched(repository, "a.bin", tmp_path) == CONTENT
    assert counted.fetched == 2_000_000


def test_a_damaged_rest_of_a_killed_download_is_fetched_again(
    repository: FastArtifactsRepository, cache: Path, tmp_path: Path
) -> None:
    repository.log_artifact(file(tmp_path, "a.bin", CONTENT))
    digest = blake3(CONTENT).hexdigest()
    draft = cache / digest[:2] / f"{digest}.partial"
    draft.parent.mkdir(parents=True)
    draft.write_bytes(bytes(len(CONTENT)))
    draft.with_suffix(".ranges").write_text(f"{artifact_cache._boot()}\n0\n")
    assert fetched(repository, "a.bin", tmp_path) == CONTENT


def test_a_rest_of_another_boot_is_not_trusted(
    repository: FastArtifactsRepository, counted: Sent, cache: Path, tmp_path: Path
) -> None:
    repository.log_artifact(file(tmp_path, "a.bin", CONTENT))
    digest = blake3(CONTENT).hexdigest()
    draft = cache / digest[:2] / f"{digest}.partial"
    draft.parent.mkdir(parents=True)
    draft.write_bytes(bytes(len(CONTENT)))
    draft.with_suffix(".ranges").write_text("another\n0\n")
    assert fetched(repository, "a.bin", tmp_path) == CONTENT
    assert counted.fetched == len(CONTENT)


class Kept:
    """Files in a cache."""

    def __init__(self, root: Path, limit: int, *, links: bool = False) -> None:
        self.cache = ArtifactCache(root / "kept", limit, links=links)
        self._root = root

    def keep(self, content: bytes) -> str:
        digest = blake3(content).hexdigest()
        with self.cache.fetching(digest, len(content)) as draft:
            if draft is not None:
                draft.path.write_bytes(content)
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
    kept, content = Kept(tmp_path, limit=1_000_000, links=True), b"content!" * 10_000
    digest = kept.keep(content)
    target = tmp_path / "linked"
    assert kept.cache.place(digest, len(content), target)
    assert target.stat().st_nlink == 2
    target.chmod(0o600)
    target.write_bytes(b"changed")
    assert kept.get(digest, len(content)) is None
    assert kept.get(kept.keep(content), len(content)) == content


def test_small_files_are_copied_as_loaders_write_some_of_them(tmp_path: Path) -> None:
    kept, content = Kept(tmp_path, limit=1_000_000, links=True), b"small"
    digest = kept.keep(content)
    target = tmp_path / "copied"
    assert kept.cache.place(digest, len(content), target)
    target.write_bytes(b"changed")
    assert kept.get(digest, len(content)) == content


class Terminal(io.StringIO):
    """Standard error of somebody who looks."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("setting", "stream", "is_shown"),
    [("true", Terminal(), True), ("false", Terminal(), False), ("true", io.StringIO(), False)],
)
def test_bars_are_for_terminals_and_as_mlflows_setting_says(
    monkeypatch: pytest.MonkeyPatch, setting: str, stream: io.StringIO, is_shown: bool
) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", setting)
    monkeypatch.setattr(sys, "stderr", stream)
    with (
        transfer_progress("Uploading [a]", SHOWN_FROM) as first,
        transfer_progress("Uploading [b]", SHOWN_FROM),
    ):
        first.advance(SHOWN_FROM)
    shown = stream.getvalue()
    assert ("Uploading [a]" in shown, "Uploading [b]" in shown) == (is_shown, is_shown)


def test_a_file_that_is_replaced_while_it_is_fetched_is_fetched_anew(
    repository: FastArtifactsRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.log_artifact(file(tmp_path, "a.bin", CONTENT))
    plain, contents = ArtifactServer.open, [CONTENT[::-1]]

    def replacing(*arguments: Any) -> Any:
        if contents:
            repository.log_artifact(file(tmp_path, "a.bin", contents.pop()))
        return plain(*arguments)

    monkeypatch.setattr(ArtifactServer, "open", replacing)
    assert fetched(repository, "a.bin", tmp_path) == CONTENT[::-1]
