"""``headwater artifacts`` on a store of a data directory."""

import asyncio
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.unit.cli.command import Command, command_on

from headwater.mlflow_release import installed_release
from headwater.storage.artifacts.overlay import STORE_DIRECTORY, Artifacts
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


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Artifacts of two experiments that share a model."""
    root = tmp_path / "headwater-data" / "artifacts"
    artifacts = Artifacts(root)
    for path, content in (
        ("1/run/artifacts/model.bin", CONTENT),
        ("2/run/artifacts/model.bin", CONTENT),
        ("2/run/artifacts/note.txt", b"hello"),
    ):
        writer = artifacts.create(path)
        writer.write(content)
        writer.publish()
    artifacts.close()
    return root


def test_usage_counts_what_is_shared_once(command: Command, root: Path) -> None:
    told = command("artifacts", "du", "--json").json
    assert told["total"]["files"] == 3
    assert told["total"]["size"] == 2 * len(CONTENT) + 5
    assert told["total"]["unique"] == len(CONTENT) + 5
    assert len(CONTENT) < told["total"]["stored"] < 1.02 * len(CONTENT)
    assert set(told["directories"]) == {"1", "2"}
    assert told["directories"]["2"]["unique"] == len(CONTENT) + 5
    assert set(command("artifacts", "du", "--depth", "2", "--json").json["directories"]) == {
        "1/run",
        "2/run",
    }
    assert "50." in command("artifacts", "du").lines[-1]


def test_damage_is_told(command: Command, root: Path) -> None:
    whole = command("artifacts", "check")
    assert (whole.status, whole.lines) == (0, ["3 files, 0 damaged"])
    [pack] = [path for path in (root / STORE_DIRECTORY / "packs").rglob("*") if path.is_file()]
    content = bytearray(pack.read_bytes())
    content[1_000_000] ^= 1
    pack.write_bytes(content)
    found = command("artifacts", "check", "--json")
    assert found.status == 1
    assert found.out.count("is not what was stored") == 2


def test_what_is_deleted_is_collected_in_two_steps(command: Command, root: Path) -> None:
    artifacts = Artifacts(root)
    artifacts.delete("1")
    artifacts.delete("2/run/artifacts/model.bin")
    artifacts.close()
    first = command("artifacts", "collect", "--grace", "0", "--json").json
    assert (first["condemned"], first["removed"]) == (1, 0)
    second = command("artifacts", "collect", "--grace", "0", "--json").json
    assert (second["condemned"], second["removed"]) == (0, 1)
    assert second["removed_bytes"] > len(CONTENT)
    assert "Removed 0 packs" in command("artifacts", "collect").lines[0]
    assert command("artifacts", "check").lines == ["1 file, 0 damaged"]


def test_an_export_is_plain_files_and_goes_on(command: Command, root: Path, tmp_path: Path) -> None:
    target = tmp_path / "plain"
    assert command("artifacts", "export", str(target)).lines == [f"3 files in {target}"]
    assert (target / "2/run/artifacts/model.bin").read_bytes() == CONTENT
    (target / "2/run/artifacts/note.txt").write_bytes(b"")
    before = (target / "1/run/artifacts/model.bin").stat().st_mtime_ns
    command("artifacts", "export", str(target), "--directory", str(root))
    assert (target / "2/run/artifacts/note.txt").read_bytes() == b"hello"
    assert (target / "1/run/artifacts/model.bin").stat().st_mtime_ns == before
    assert not list(target.rglob("*.partial"))


def test_without_a_store_there_is_nothing_to_do(command: Command) -> None:
    done = command("artifacts", "du", "--data-dir", "nowhere")
    assert done.status == 1
    assert "--data-dir" in done.err
    assert not Path("nowhere").exists()
    assert sys.argv[1] == "artifacts"


def test_what_is_needed_of_a_pack_is_packed_anew(command: Command, root: Path) -> None:
    artifacts = Artifacts(root)
    writer = artifacts.create("3/run/artifacts/part.bin")
    writer.write(CONTENT[:700_000])
    writer.publish()
    for experiment in ("1", "2"):
        artifacts.delete(experiment)
    artifacts.close()
    done = command("artifacts", "collect", "--grace", "0")
    assert done.lines[0].startswith("Packed 1 pack anew, of which 1,")
    told = command("artifacts", "collect", "--grace", "0", "--json").json
    assert (told["repacked"], told["removed"], told["damaged"]) == (0, 1, [])
    assert command("artifacts", "check").lines == ["1 file, 0 damaged"]


def test_an_index_that_was_lost_is_made_anew(command: Command, root: Path) -> None:
    for path in (root / STORE_DIRECTORY).glob("index.db*"):
        path.unlink()
    assert command("artifacts", "reindex").lines == ["3 files of 4,000,005 bytes; 0 corrected."]
    artifacts = Artifacts(root)
    writer = artifacts.create("4/run/artifacts/model.bin")
    writer.write(CONTENT)
    assert writer.publish().new_bytes < 100_000
    artifacts.close()


def test_usage_of_projects_and_experiments_stands_beside_their_limits(
    command: Command, root: Path
) -> None:
    create(root.parent / "mlflow.db", installed_release(), "mlflow-artifacts:/")
    database = SqliteDatabase(root.parent / "mlflow.db")

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
    rows = command("artifacts", "du", "--by", "project", "--json").json["projects"]
    size = len(CONTENT)
    assert [(row["project"], row["size"], row["unique"], row["limit"]) for row in rows] == [
        ("", 2 * size + 5, size + 5, None),
        ("team", 2 * size + 5, size + 5, 5_000_000),
        ("team/base", size, size, None),
        ("team/tuned", size + 5, size + 5, None),
    ]
    shown = command("artifacts", "du", "--by", "experiment").lines
    assert [line.split()[0] for line in shown] == ["experiment", "all", "base", "tuned"]
    assert shown[3].split()[-2:] == ["8,000,000", "25"]
