"""Tells whether a SQLite file can serve, without importing MLflow or alembic."""

import enum
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from headwater.errors import SchemaError
from headwater.mlflow_release import MlflowRelease
from headwater.storage.migrations import HEAD_REVISION, REVISIONS, VERSION_TABLE

_MLFLOW_VERSION_TABLE = "alembic_version"
_OWN_TABLES = ("headwater_metric_blocks", "headwater_metric_series", "headwater_metric_chunks")


class SchemaState(enum.Enum):
    """What a database needs before it can serve."""

    EMPTY = "empty"
    """There is no file, or no table in it: `prepare.create` makes the database."""

    NEEDS_MIGRATION = "needs migration"
    """MLflow's tables are current, ours are missing or older: `prepare.migrate` adds them."""

    CURRENT = "current"


def inspect(path: Path, release: MlflowRelease) -> SchemaState:
    """Return what the database needs, changing nothing.

    Raises:
        SchemaError: the file is no MLflow database, or an older or newer one than the installed
            MLflow and Headwater work with; the message says what to do.
    """
    _check_is_file(path)
    if not path.exists() or path.stat().st_size == 0:
        return SchemaState.EMPTY
    try:
        tables, revisions, own_revisions = _read(path)
    except sqlite3.Error as error:
        raise SchemaError(f"{path} cannot be opened as a SQLite database: {error}") from error
    if not tables:
        return SchemaState.EMPTY
    _check_mlflow(path, release, tables, revisions)
    return _own_state(path, tables, own_revisions)


def _check_is_file(path: Path) -> None:
    if path.is_dir():
        raise SchemaError(
            f"{path} is a directory, not a SQLite database; an MLflow file store moves into one "
            "with: mlflow migrate-filestore"
        )
    if path.exists() and not path.is_file():
        raise SchemaError(f"{path} is not a regular file")


def _read(path: Path) -> tuple[frozenset[str], list[str], list[str]]:
    # Not mode=ro: opening a database in WAL mode needs its shared memory file.
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode=rw", uri=True, timeout=20
    )
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
        names: Iterable[tuple[str]] = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' "
            "ESCAPE '\\'"
        )
        tables = frozenset(name for (name,) in names)
        return (
            tables,
            _revisions(connection, _MLFLOW_VERSION_TABLE, tables),
            _revisions(connection, VERSION_TABLE, tables),
        )
    finally:
        connection.close()


def _revisions(connection: sqlite3.Connection, table: str, tables: frozenset[str]) -> list[str]:
    if table not in tables:
        return []
    rows = connection.execute(f"SELECT version_num FROM {table}")  # noqa: S608  # a constant
    return [revision for (revision,) in rows]


def _check_mlflow(
    path: Path, release: MlflowRelease, tables: frozenset[str], revisions: list[str]
) -> None:
    if revisions == [release.head_revision]:
        return
    if not revisions and not {"experiments", "runs"} & tables:
        raise SchemaError(
            f"{path} is not an MLflow database: it holds other tables, and none of MLflow's"
        )
    if unknown := [revision for revision in revisions if revision not in release.known_revisions]:
        raise SchemaError(
            f"{path} was written by a newer MLflow (its schema is {unknown[0]}) than the "
            f"installed {release.version}; run: pip install --upgrade mlflow"
        )
    found = revisions[0] if revisions else "incomplete"
    raise SchemaError(
        f"{path} has an older MLflow schema ({found}) than MLflow {release.version} needs "
        f"({release.head_revision}); back the file up, then run: "
        f"mlflow db upgrade sqlite:///{path}"
    )


def _own_state(path: Path, tables: frozenset[str], revisions: list[str]) -> SchemaState:
    if unknown := [revision for revision in revisions if revision not in REVISIONS]:
        raise SchemaError(
            f"{path} was written by a newer Headwater (its schema is {unknown[0]}); "
            "run: pip install --upgrade headwater"
        )
    if revisions != [HEAD_REVISION]:
        return SchemaState.NEEDS_MIGRATION
    if lost := [table for table in _OWN_TABLES if table not in tables]:
        raise SchemaError(f"{path} has lost its table {lost[0]}; restore a backup")
    return SchemaState.CURRENT
