"""Makes a database ready to serve, without importing MLflow or alembic into this process.

MLflow's migrations take seconds. They run once on a machine: the result is kept as a template in
the user's cache directory, and a new database is a copy of it.
"""

import contextlib
import fcntl
import glob
import os
import secrets
import shutil
import sqlite3
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from headwater.entities.artifact_location import experiment_location
from headwater.errors import SchemaError
from headwater.mlflow_release import MlflowRelease
from headwater.storage.metadata.inspect import SchemaState, inspect
from headwater.storage.metadata.run_module import run_module
from headwater.storage.migrations import HEAD_REVISION

__all__ = ["SchemaState", "create", "inspect", "migrate"]

_INSERT_DEFAULT_EXPERIMENT = """
INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage,
                         creation_time, last_update_time, workspace)
VALUES (0, 'Default', ?, 'active', ?, ?, 'default')
"""


def create(path: Path, release: MlflowRelease, artifact_root: str) -> None:
    """Make the database, with MLflow's default experiment, where `inspect` says it is EMPTY.

    The file appears whole or not at all. Of several processes, one makes it.

    Raises:
        SchemaError: MLflow's or our migrations failed, or the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.parent):
            if inspect(path, release) is SchemaState.EMPTY:
                _create_in(path, release, artifact_root)
    except OSError as error:
        raise SchemaError(f"{path} cannot be created: {error}") from error


def migrate(path: Path) -> None:
    """Add Headwater's tables to an MLflow database, or bring them up to date, in place.

    One transaction; other processes may have the database open, and nothing is copied.

    Raises:
        SchemaError: a migration failed; the database is as it was.
    """
    run_module("headwater.storage.migrations", str(path), str(path))


def template_path(release: MlflowRelease) -> Path:
    """Where the template for this MLflow and this Headwater is cached."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():
        base = Path.home() / ".cache"
    name = f"mlflow-{release.version}-{release.head_revision}-headwater-{HEAD_REVISION}.db"
    return base / "headwater" / name


def _create_in(path: Path, release: MlflowRelease, artifact_root: str) -> None:
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.new*"):  # of a killed process
        leftover.unlink(missing_ok=True)
    with _new_file_beside(path) as new:
        _fill(new, release)
        _finish(new, artifact_root)
        for suffix in ("-wal", "-shm", "-journal"):  # of the empty database that stood here
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        new.replace(path)
        _sync(path.parent)


def _fill(new: Path, release: MlflowRelease) -> None:
    """Copy the template into the file, or build it there where no cache can be had."""
    try:
        shutil.copyfile(_template(release), new)
    except (OSError, RuntimeError, SchemaError):  # unwritable, full, not ours, no home
        _build(new)


def _template(release: MlflowRelease) -> Path:
    """Return the cached template, building it first where it is missing or damaged."""
    template = template_path(release)
    template.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _check_private(template.parent)
    if not _usable(template, release):
        with _new_file_beside(template) as new:
            _build(new)
            _sync(new)
            new.replace(template)
    return template


def _check_private(directory: Path) -> None:
    """Refuse a cache that another user could have filled."""
    found = directory.stat()
    if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(f"{directory} can be written by others")


def _usable(template: Path, release: MlflowRelease) -> bool:
    """Say whether the template is whole, current and empty."""
    if not template.is_file():
        return False
    try:
        if inspect(template, release) is not SchemaState.CURRENT:
            return False
        with contextlib.closing(sqlite3.connect(template)) as connection:
            (rows,) = connection.execute("SELECT count(*) FROM experiments").fetchone()
            (check,) = connection.execute("PRAGMA quick_check").fetchone()
            return int(rows) == 0 and str(check) == "ok"
    except (SchemaError, sqlite3.Error):
        return False


def _build(path: Path) -> None:
    run_module("headwater.mlflow_plugin.create_database", str(path), str(path))


def _finish(path: Path, artifact_root: str) -> None:
    """Insert the default experiment, switch to WAL, and make the file durable."""
    now = time.time_ns() // 1_000_000
    location = experiment_location(artifact_root, 0)
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            with connection:
                connection.execute(_INSERT_DEFAULT_EXPERIMENT, (location, now, now))
            connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.Error as error:
        raise SchemaError(f"{path} cannot be filled: {error}") from error
    _sync(path)


@contextlib.contextmanager
def _new_file_beside(path: Path) -> Iterator[Path]:
    """Yield a new empty file in the same directory, removed at the end unless renamed."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    new.touch(mode=0o666, exist_ok=False)  # less the umask, as SQLite would make it
    try:
        yield new
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            new.with_name(new.name + suffix).unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold an advisory lock on a directory, which leaves no lock file behind."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sync(path: Path) -> None:
    """Make a file or the names in a directory survive power loss."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
