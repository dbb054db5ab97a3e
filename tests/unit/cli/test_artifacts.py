"""``headwater artifacts`` on a store of a data directory."""

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tests.s3 import S3
from tests.unit.cli.command import Command, command_on

from headwater.cli import gc_artifacts
from headwater.cli.gc_artifacts import ArtifactOutcome, collect_after
from headwater.entities.artifact_store_uri import INDEX_VARIABLE
from headwater.mlflow_release import installed_release
from headwater.storage.artifacts.collect import collect
from headwater.storage.artifacts.open_uri import open_uri
from headwater.storage.artifacts.overlay import STORE_DIRECTORY, Artifacts, open_directory
from headwater.storage.metadata.artifact_quotas import set_of_project
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.prepare import create
from headwater.storage.metadata.sqlite import SqliteDatabase
from headwater.storage.metadata.tags import upsert_for_experiment

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
    destination: tuple[str, str]
    index: Path
    options: tuple[str, ...] = ()

    def lose_index(self) -> None:
        """Remove the index, which nobody may have open."""
        for path in self.index.glob("*.db*"):
            path.unlink()

    def pass_time(self) -> None:
        """Wait until what is there is older than now; buckets tell whole seconds."""
        time.sleep(1.1 if self.options else 0)


@pytest.fixture(params=["directory", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Artifacts of two experiments that share a model."""
    root = tmp_path / "headwater-data" / "artifacts"
    named = ("--artifacts-destination", f"headwater-cas+file://{root}")
    found = Place(lambda: open_directory(root), named, root / STORE_DIRECTORY)
    if request.param == "bucket":
        s3: S3 = request.getfixturevalue("s3")
        s3.use(monkeypatch)
        monkeypatch.setenv(INDEX_VARIABLE, str(tmp_path / "index"))
        uri = f"headwater-cas+s3://{s3.create_bucket()}/ml"
        named = ("--artifacts-destination", uri)
        found = Place(lambda: open_uri(uri), named, tmp_path / "index", named)
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


def new_database() -> Path:
    """Make a database where the command looks for one."""
    path = Path("headwater-data", "mlflow.db")
    path.parent.mkdir(exist_ok=True)
    create(path, installed_release(), "mlflow-artifacts:/")
    return path


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
    # The data directory has no store of its own then, but the database.
    more = (*option, "--data-dir", "server")
    assert command("artifacts", "check", *more).lines == ["1 file, 0 damaged"]
    assert command("artifacts", "du", "--by", "project", *more).status == 1  # no database there


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


def test_what_is_needed_of_a_pack_is_packed_anew(command: Command, place: Place) -> None:
    artifacts = place.open()
    writer = artifacts.create("3/run/artifacts/part.bin")
    writer.write(CONTENT[:700_000])
    writer.publish()
    for experiment in ("1", "2"):
        artifacts.delete(experiment)
    artifacts.close()
    place.pass_time()
    done = command("artifacts", "collect", "--grace", "0", *place.options)
    assert done.lines[0].startswith("Packed 1 pack anew, of which 1,")
    place.pass_time()
    told = command("artifacts", "collect", "--grace", "0", "--json", *place.options).json
    assert (told["repacked"], told["removed"], told["damaged"]) == (0, 1, [])
    assert command("artifacts", "check", *place.options).lines == ["1 file, 0 damaged"]


def test_an_index_that_was_lost_is_made_anew(command: Command, place: Place) -> None:
    place.lose_index()
    assert command("artifacts", "reindex", *place.options).lines == [
        "3 files of 4,000,005 bytes; 0 corrected."
    ]
    artifacts = place.open()
    writer = artifacts.create("4/run/artifacts/model.bin")
    writer.write(CONTENT)
    assert writer.publish().new_bytes < 100_000
    artifacts.close()


def test_usage_of_projects_and_experiments_stands_beside_their_limits(
    command: Command, place: Place
) -> None:
    database = SqliteDatabase(new_database())

    def prepare(connection: Connection) -> None:
        for number, name in ((1, "base"), (2, "tuned")):
            connection.execute(
                "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage)"
                " VALUES (?, ?, ?, 'active')",
                (number, name, f"mlflow-artifacts:/{number}"),
            )
            tags = [("headwater.project", f"team/{name}")]
            upsert_for_experiment(connection, number, tags)
        upsert_for_experiment(connection, 2, [("headwater.artifact_quota", "8MB")])
        set_of_project(connection, "team", 5_000_000)

    asyncio.run(database.write(prepare))
    database.close()
    rows = command("artifacts", "du", "--by", "project", "--json", *place.options).json["projects"]
    size = len(CONTENT)
    assert [(row["project"], row["size"], row["unique"], row["limit"]) for row in rows] == [
        ("", 2 * size + 5, size + 5, None),
        ("team", 2 * size + 5, size + 5, 5_000_000),
        ("team/base", size, size, None),
        ("team/tuned", size + 5, size + 5, None),
    ]
    shown = command("artifacts", "du", "--by", "experiment", *place.options).lines
    assert [line.split()[0] for line in shown] == ["experiment", "all", "base", "tuned"]
    assert shown[3].split()[-2:] == ["8,000,000", "25"]


def test_usage_of_models_says_what_their_versions_share(command: Command, place: Place) -> None:
    artifacts = place.open()
    writer = artifacts.create("3/run/artifacts/other.bin")
    writer.write(CONTENT[::-1])
    writer.publish()
    artifacts.close()
    database = SqliteDatabase(new_database())
    versions = [
        ("detector", 1, "None", "mlflow-artifacts:/1/run/artifacts"),
        ("detector", 2, "None", "mlflow-artifacts:/2/run/artifacts"),
        ("detector", 3, "Deleted_Internal", "mlflow-artifacts:/3/run/artifacts"),
        ("other", 1, "None", "mlflow-artifacts:/3/run/artifacts/other.bin"),
        ("other", 2, "None", "s3://bucket/other"),
    ]

    def prepare(connection: Connection) -> None:
        for name in ("detector", "other"):
            connection.execute("INSERT INTO registered_models (name) VALUES (?)", (name,))
        connection.executemany(
            "INSERT INTO model_versions (name, version, current_stage, source) VALUES (?, ?, ?, ?)",
            versions,
        )

    asyncio.run(database.write(prepare))
    database.close()
    told = command("artifacts", "du", "--by", "model", "--json", *place.options).json
    size = len(CONTENT)
    rows = {(row["model"], row["version"]): row for row in told["models"]}
    assert {key: (row["size"], row["unique"]) for key, row in rows.items()} == {
        ("", None): (3 * size + 5, 2 * size + 5),
        ("detector", None): (2 * size + 5, size + 5),
        ("detector", 1): (size, size),
        ("detector", 2): (size + 5, size + 5),
        ("other", None): (size, size),
        ("other", 1): (size, size),
    }
    assert told["elsewhere"] == ["other/2"]
    for key, row in rows.items():
        is_shared = key[0] == "detector" and key[1] is not None
        assert (row["own"] < 0.02 * row["stored"]) == is_shared
        assert is_shared or row["own"] == row["stored"]
    shown = command("artifacts", "du", "--by", "model", *place.options)
    assert [line.split()[:2] for line in shown.lines][3] == ["detector", "1"]
    assert "other/2" in shown.err


def test_artifacts_are_checked_with_the_rest(command: Command, place: Place) -> None:
    new_database()
    told = command("check", "--artifacts", *place.destination, "--json").json
    assert told["artifacts"]["files"] == 3
    assert told["artifacts"]["missing"] == told["artifacts"]["damaged"] == []
    objects = place.open().store.objects
    [pack] = [each.name for each in objects.list("packs")]
    objects.delete(pack)
    lost = command("check", "--artifacts", *place.destination)
    assert lost.status == 1
    assert f"pack {pack.rpartition('/')[2]} is missing" in lost.out


def test_what_a_removal_has_left_over_is_collected(
    command: Command, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for experiment in "12":
        place.open().delete(experiment)
    monkeypatch.setattr(gc_artifacts, "collect", lambda store: collect(store, grace=-1))
    outcome = ArtifactOutcome(removed={"run": 2})
    collect_after(place.destination[1], None, outcome)
    assert outcome.condemned == 1
    assert outcome.condemned_bytes > len(CONTENT)
