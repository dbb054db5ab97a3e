"""``headwater artifacts`` on a store of a data directory."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tests.s3 import S3
from tests.unit.cli.command import Command, command_on

from headwater.entities.artifact_store_uri import INDEX_VARIABLE
from headwater.storage.artifacts.open_uri import open_uri
from headwater.storage.artifacts.overlay import Artifacts, open_directory

CONTENT = np.random.default_rng(0).bytes(2_000_000)


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    monkeypatch.chdir(tmp_path)
    return command_on("http://127.0.0.1:9", monkeypatch, capsys)


@dataclass(frozen=True)
class Place:
    """Where the artifacts are, and how the command is told so."""

    open: Callable[[], Artifacts]
    options: tuple[str, ...] = ()

    def pass_time(self) -> None:
        """Wait until what is there is older than now; buckets tell whole seconds."""
        time.sleep(1.1 if self.options else 0)


@pytest.fixture(params=["directory", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Artifacts of two experiments that share a model."""
    found = Place(lambda: open_directory(tmp_path / "headwater-data" / "artifacts"))
    if request.param == "bucket":
        s3: S3 = request.getfixturevalue("s3")
        s3.use(monkeypatch)
        monkeypatch.setenv(INDEX_VARIABLE, str(tmp_path / "index"))
        uri = f"headwater-cas+s3://{s3.create_bucket()}/ml"
        found = Place(lambda: open_uri(uri), ("--artifacts-destination", uri))
    artifacts = found.open()
    for path, content in (
        ("1/run/artifacts/model.bin", CONTENT),
        ("2/run/artifacts/model.bin", CONTENT),
        ("2/run/artifacts/note.txt", b"hello"),
    ):
        writer = artifacts.create(path)
        writer.write(content)
        writer.publish()
    artifacts.close()
    return found


def test_usage_counts_what_is_shared_once(command: Command, place: Place) -> None:
    told = command("artifacts", "du", "--json", *place.options).json
    assert told["total"]["files"] == 3
    assert told["total"]["size"] == 2 * len(CONTENT) + 5
    assert told["total"]["unique"] == len(CONTENT) + 5
    assert len(CONTENT) < told["total"]["stored"] < 1.02 * len(CONTENT)
    assert set(told["directories"]) == {"1", "2"}
    assert told["directories"]["2"]["unique"] == len(CONTENT) + 5
    deeper = command("artifacts", "du", "--depth", "2", "--json", *place.options).json
    assert set(deeper["directories"]) == {"1/run", "2/run"}
    assert "50." in command("artifacts", "du", *place.options).lines[-1]


def test_damage_is_told(command: Command, place: Place) -> None:
    whole = command("artifacts", "check", *place.options)
    assert (whole.status, whole.lines) == (0, ["3 files, 0 damaged"])
    objects = place.open().store.objects
    [pack] = [each.name for each in objects.list("packs")]
    content = bytearray(objects.get(pack))
    content[1_000_000] ^= 1
    objects.put(pack, [bytes(content)])
    found = command("artifacts", "check", "--json", *place.options)
    assert found.status == 1
    assert found.out.count("is not what was stored") == 2


def test_what_is_deleted_is_collected_in_two_steps(command: Command, place: Place) -> None:
    artifacts = place.open()
    artifacts.delete("1")
    artifacts.delete("2/run/artifacts/model.bin")
    artifacts.close()
    place.pass_time()
    first = command("artifacts", "collect", "--grace", "0", "--json", *place.options).json
    assert (first["condemned"], first["removed"]) == (1, 0)
    place.pass_time()
    second = command("artifacts", "collect", "--grace", "0", "--json", *place.options).json
    assert (second["condemned"], second["removed"]) == (0, 1)
    assert second["removed_bytes"] > len(CONTENT)
    assert "Removed 0 packs" in command("artifacts", "collect", *place.options).lines[0]
    assert command("artifacts", "check", *place.options).lines == ["1 file, 0 damaged"]


def test_an_export_is_plain_files_and_goes_on(
    command: Command, place: Place, tmp_path: Path
) -> None:
    target = tmp_path / "plain"
    assert command("artifacts", "export", str(target), *place.options).lines == [
        f"3 files in {target}"
    ]
    assert (target / "2/run/artifacts/model.bin").read_bytes() == CONTENT
    (target / "2/run/artifacts/note.txt").write_bytes(b"")
    before = (target / "1/run/artifacts/model.bin").stat().st_mtime_ns
    command("artifacts", "export", str(target), *place.options)
    assert (target / "2/run/artifacts/note.txt").read_bytes() == b"hello"
    assert (target / "1/run/artifacts/model.bin").stat().st_mtime_ns == before
    assert not list(target.rglob("*.partial"))


def test_a_directory_may_be_named(command: Command, tmp_path: Path) -> None:
    artifacts = open_directory(tmp_path / "elsewhere")
    writer = artifacts.create("a")
    writer.write(b"x")
    writer.publish()
    artifacts.close()
    for option in (
        ("--directory", "elsewhere"),
        ("--artifacts-destination", f"headwater-cas+file://{tmp_path}/elsewhere"),
    ):
        assert command("artifacts", "check", *option).lines == ["1 file, 0 damaged"]


def test_an_empty_bucket_has_no_store(
    command: Command, s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.use(monkeypatch)
    monkeypatch.setenv(INDEX_VARIABLE, str(tmp_path))
    uri = f"headwater-cas+s3://{s3.create_bucket()}"
    done = command("artifacts", "du", "--artifacts-destination", uri)
    assert (done.status, uri in done.err) == (1, True)


def test_without_a_store_there_is_nothing_to_do(command: Command) -> None:
    done = command("artifacts", "du", "--data-dir", "nowhere")
    assert done.status == 1
    assert "--data-dir" in done.err
    done = command("artifacts", "du", "--artifacts-destination", "s3://bucket")
    assert (done.status, "no artifact store" in done.err) == (1, True)
    assert not Path("nowhere").exists()
    assert sys.argv[1] == "artifacts"
