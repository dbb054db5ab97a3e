"""Tells whether a database can serve, without importing MLflow or alembic."""

import enum
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from headwater.errors import SchemaError
from headwater.mlflow_release import MlflowRelease
from headwater.storage.migrations import HEAD_REVISION, REVISIONS, VERSION_TABLE
from headwater.storage.migrations.search_indexes import SQLITE_OBJECTS, missing

MLFLOW_VERSION_TABLE = "alembic_version"
OWN_TABLES = (
    "headwater_metric_blocks",
    "headwater_metric_series",
    "headwater_metric_chunks",
    "headwater_metric_envelopes",
    "headwater_ingest_clients",
    "headwater_metric_order",
    "headwater_unsettled_runs",
    "headwater_saved_searches",
    "headwater_run_heartbeats",
    "headwater_run_captures",
    "headwater_run_output",
    "headwater_artifact_quotas",
    "headwater_artifact_changes",
    "headwater_artifact_admissions",
)
"""Headwater's tables beside the one that notes its revision."""


class SchemaState(enum.Enum):
    """What a database needs before it can serve."""

    EMPTY = "empty"
    """There is no file, or no table: `create` makes the database."""

    NEEDS_MIGRATION = "needs migration"
    """MLflow's tables are current, ours or our indexes are not: `migrate` adds what is missing."""

    CURRENT = "current"


@dataclass(frozen=True)
class FoundSchema:
    """What a database holds."""

    name: str
    """What messages call the database."""

    uri: str
    """What `mlflow db upgrade` is given."""

    tables: frozenset[str]
    revisions: list[str]
    """MLflow's; one, unless the database is damaged."""

    own_revisions: list[str]
    missing_indexes: list[str] = field(default_factory=list)
    """Indexes and triggers of ours on MLflow's tables."""


def inspect(path: Path, release: MlflowRelease) -> SchemaState:
    """Return what the database needs, changing nothing.

    Raises:
        SchemaError: the file is no MLflow database, or an older or newer one than the installed
            MLflow and Headwater work with; the message says what to do.
    """
    check_is_file(path)
    if not path.exists() or path.stat().st_size == 0:
        return SchemaState.EMPTY
    try:
        found = _read(path)
    except sqlite3.Error as error:
        raise SchemaError(f"{path} cannot be opened as a SQLite database: {error}") from error
    return schema_state(found, release)


def schema_state(found: FoundSchema, release: MlflowRelease) -> SchemaState:
    """Return what a database that holds this needs.

    Raises:
        SchemaError: see `inspect`.
    """
    if not found.tables:
        return SchemaState.EMPTY
    _check_mlflow(found, release)
    return _own_state(found)


def check_is_file(path: Path) -> None:
    """Refuse what cannot be a SQLite file.

    Raises:
        SchemaError: it is a directory, or something else that is no regular file.
    """
    if path.is_dir():
        raise SchemaError(
            f"{path} is a directory, not a SQLite database; an MLflow file store moves into one "
            "with: mlflow migrate-filestore"
        )
    if path.exists() and not path.is_file():
        raise SchemaError(f"{path} is not a regular file")


def _read(path: Path) -> FoundSchema:
    # Not mode=ro: opening a database in WAL mode needs its shared memory file.
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode=rw", uri=True, timeout=20
    )
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
        return read_schema(connection, path)
    finally:
        connection.close()


def read_schema(connection: sqlite3.Connection, path: Path) -> FoundSchema:
    """Return what an open SQLite database holds."""
    names: Iterable[tuple[str]] = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' "
        "ESCAPE '\\'"
    )
    tables = frozenset(name for (name,) in names)
    return FoundSchema(
        str(path),
        f"sqlite:///{path}",
        tables,
        _revisions(connection, MLFLOW_VERSION_TABLE, tables),
        _revisions(connection, VERSION_TABLE, tables),
        missing(connection.execute(SQLITE_OBJECTS)),
    )


def _revisions(connection: sqlite3.Connection, table: str, tables: frozenset[str]) -> list[str]:
    if table not in tables:
        return []
    rows = connection.execute(f"SELECT version_num FROM {table}")  # noqa: S608  # a constant
    return [revision for (revision,) in rows]


def _check_mlflow(found: FoundSchema, release: MlflowRelease) -> None:
    revisions = found.revisions
    if revisions == [release.head_revision]:
        return
    if not revisions and not {"experiments", "runs"} & found.tables:
        raise SchemaError(
            f"{found.name} is not an MLflow database: it holds other tables, and none of MLflow's"
        )
    if unknown := [revision for revision in revisions if revision not in release.known_revisions]:
        raise SchemaError(
            f"{found.name} was written by a newer MLflow (its schema is {unknown[0]}) than the "
            f"installed {release.version}; run: pip install --upgrade mlflow"
        )
    revision = revisions[0] if revisions else "incomplete"
    raise SchemaError(
        f"{found.name} has an older MLflow schema ({revision}) than MLflow {release.version} needs "
        f"({release.head_revision}); back the database up, then run: mlflow db upgrade {found.uri}"
    )


def _own_state(found: FoundSchema) -> SchemaState:
    if unknown := [revision for revision in found.own_revisions if revision not in REVISIONS]:
        raise SchemaError(
            f"{found.name} was written by a newer Headwater (its schema is {unknown[0]}); "
            "run: pip install --upgrade headwater"
        )
    if found.own_revisions != [HEAD_REVISION]:
        return SchemaState.NEEDS_MIGRATION
    if lost := [table for table in OWN_TABLES if table not in found.tables]:
        raise SchemaError(f"{found.name} has lost its table {lost[0]}; restore a backup")
    if found.missing_indexes:  # a migration of MLflow's has rebuilt a table
        return SchemaState.NEEDS_MIGRATION
    return SchemaState.CURRENT
