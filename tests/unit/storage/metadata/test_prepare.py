import multiprocessing
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from headwater.errors import SchemaError
from headwater.mlflow_release import installed_release
from headwater.storage.metadata import prepare
from headwater.storage.metadata.orphan import WITH_PARENT
from headwater.storage.metadata.prepare import SchemaState, create, inspect, template_path

RELEASE = installed_release()
ROOT = "mlflow-artifacts:/"


@pytest.fixture(scope="session")
def good_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What building a template makes: MLflow's migrations run once for all tests here."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    create(path.with_name("warm-up.db"), RELEASE, ROOT)
    shutil.copyfile(template_path(RELEASE), path)
    return path


class Builder:
    """Stands for MLflow's migrations, and counts how often they ran."""

    def __init__(self, template: Path, log: Path) -> None:
        self._template = template
        self._log = log

    def __call__(self, path: Path) -> None:
        with self._log.open("a") as log:
            log.write("built\n")
        time.sleep(0.2)
        shutil.copyfile(self._template, path)

    @property
    def runs(self) -> int:
        return len(self._log.read_text().splitlines()) if self._log.exists() else 0


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "headwater"


@pytest.fixture
def builder(
    good_template: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Builder:
    counting = Builder(good_template, tmp_path / "builds.txt")
    monkeypatch.setattr(prepare, "_build", counting)
    return counting


def default_experiments(path: Path) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT experiment_id, name, artifact_location, lifecycle_stage, workspace,"
            " creation_time = last_update_time, creation_time FROM experiments"
        ).fetchall()


def test_first_start_builds_and_later_ones_copy(builder: Builder, tmp_path: Path) -> None:
    for name in ("a", "b"):
        create(tmp_path / name / "mlflow.db", RELEASE, ROOT)
        assert inspect(tmp_path / name / "mlflow.db", RELEASE) is SchemaState.CURRENT
        assert [path.name for path in (tmp_path / name).iterdir()] == ["mlflow.db"]
    assert builder.runs == 1


def test_default_experiment_is_mlflows(builder: Builder, tmp_path: Path) -> None:
    before = time.time() * 1000
    create(tmp_path / "mlflow.db", RELEASE, "s3://bucket/root")
    [(*experiment, created)] = default_experiments(tmp_path / "mlflow.db")
    assert experiment == [0, "Default", "s3://bucket/root/0", "active", "default", 1]
    assert before - 1000 < created < time.time() * 1000 + 1000


def test_database_is_in_wal_mode(builder: Builder, tmp_path: Path) -> None:
    create(tmp_path / "mlflow.db", RELEASE, ROOT)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_cache_is_private(builder: Builder, cache: Path, tmp_path: Path) -> None:
    create(tmp_path / "mlflow.db", RELEASE, ROOT)
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert [path.name for path in cache.iterdir()] == [template_path(RELEASE).name]


@pytest.mark.parametrize("damage", ["truncated", "empty", "garbage", "with runs", "old schema"])
def test_damaged_template_is_built_anew(
    builder: Builder, cache: Path, tmp_path: Path, damage: str
) -> None:
    create(tmp_path / "a.db", RELEASE, ROOT)
    template = template_path(RELEASE)
    if damage == "truncated":
        template.write_bytes(template.read_bytes()[:-8192])
    elif damage in ("empty", "garbage"):
        template.write_text("" if damage == "empty" else "garbage" * 1000)
    else:
        statement = "INSERT INTO experiments (name, lifecycle_stage) VALUES ('x', 'active')"
        if damage == "old schema":
            statement = "UPDATE alembic_version SET version_num = '451aebb31d03'"
        with closing(sqlite3.connect(template)) as connection, connection:
            connection.execute(statement)
    create(tmp_path / "b.db", RELEASE, ROOT)
    assert inspect(tmp_path / "b.db", RELEASE) is SchemaState.CURRENT
    assert len(default_experiments(tmp_path / "b.db")) == 1
    assert builder.runs == 2


def test_template_that_others_could_write_is_not_used(
    builder: Builder, cache: Path, tmp_path: Path
) -> None:
    create(tmp_path / "a.db", RELEASE, ROOT)
    cache.chmod(0o777)
    create(tmp_path / "b.db", RELEASE, ROOT)
    assert inspect(tmp_path / "b.db", RELEASE) is SchemaState.CURRENT
    assert builder.runs == 2


def test_unusable_cache_is_done_without(builder: Builder, cache: Path, tmp_path: Path) -> None:
    cache.parent.write_text("a file where the directory should be")
    create(tmp_path / "a.db", RELEASE, ROOT)
    assert inspect(tmp_path / "a.db", RELEASE) is SchemaState.CURRENT


def test_relative_cache_home_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert template_path(RELEASE).is_relative_to(Path.home() / ".cache" / "headwater")


def test_existing_database_is_left_alone(builder: Builder, tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    create(path, RELEASE, ROOT)
    before = path.read_bytes()
    create(path, RELEASE, "s3://other")
    assert path.read_bytes() == before


def test_empty_database_with_a_stale_log_is_replaced(builder: Builder, tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.touch()
    path.with_name("mlflow.db-wal").write_bytes(b"stale")
    create(path, RELEASE, ROOT)
    assert inspect(path, RELEASE) is SchemaState.CURRENT
    assert not path.with_name("mlflow.db-wal").exists()


def test_failure_leaves_no_database(
    builder: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data" / "mlflow.db"
    path.parent.mkdir()
    leftover = path.with_name(".mlflow.db.0011223344556677.new")  # of a process that was killed
    leftover.write_text("half a database")

    def refuse(_path: Path) -> None:
        raise SchemaError("refused")

    monkeypatch.setattr(prepare, "_build", refuse)
    with pytest.raises(SchemaError, match="refused"):
        create(path, RELEASE, ROOT)
    assert list(path.parent.iterdir()) == []


def test_unwritable_place_is_one_clear_line(builder: Builder, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SchemaError, match="cannot be created"):
        create(tmp_path / "file" / "mlflow.db", RELEASE, ROOT)


def _create_and_insert(path: Path, template: Path, log: Path, number: int) -> None:
    prepare._build = Builder(template, log)
    create(path, RELEASE, ROOT)
    with closing(sqlite3.connect(path, timeout=20)) as connection, connection:
        connection.execute(
            "INSERT INTO experiments (name, lifecycle_stage) VALUES (?, 'active')", (str(number),)
        )


@pytest.mark.parametrize("same", [True, False], ids=["one database", "several databases"])
def test_processes_may_race(cache: Path, good_template: Path, tmp_path: Path, same: bool) -> None:
    """Whatever a process stored after `create` is there in the end."""
    log = tmp_path / "builds.txt"
    paths = [tmp_path / ("x.db" if same else f"{number}.db") for number in range(4)]
    context = multiprocessing.get_context("fork")
    processes = [
        context.Process(target=_create_and_insert, args=(path, good_template, log, number))
        for number, path in enumerate(paths)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    for path in set(paths):
        assert inspect(path, RELEASE) is SchemaState.CURRENT
        assert len(default_experiments(path)) == (5 if same else 2)
    assert [path.name for path in cache.iterdir()] == [template_path(RELEASE).name]


@pytest.mark.slow
def test_really_builds_with_mlflow(cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    create(path, RELEASE, ROOT)
    assert inspect(path, RELEASE) is SchemaState.CURRENT
    assert inspect(template_path(RELEASE), RELEASE) is SchemaState.CURRENT
    assert len(default_experiments(path)) == 1


@pytest.mark.slow
def test_migration_that_fails_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.write_text("garbage" * 1000)
    with pytest.raises(SchemaError, match="file is not a database") as caught:
        prepare.migrate(path)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_helper_process_ends_with_its_parent(tmp_path: Path, good_template: Path) -> None:
    """The migration waits for a lock here; its parent's death ends it."""
    path = tmp_path / "mlflow.db"
    create(path, RELEASE, ROOT)
    read, write = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "headwater.storage.migrations", path, WITH_PARENT],
        stdin=read,
        stderr=subprocess.DEVNULL,
    )
    os.close(read)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(0.5)
        os.close(write)
        assert process.wait(15) != 0
