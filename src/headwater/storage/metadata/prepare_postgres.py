"""Makes a PostgreSQL database ready to serve; several servers may do so at once."""

import contextlib
from collections.abc import Iterator

import psycopg

from headwater.errors import SchemaError
from headwater.mlflow_release import MlflowRelease
from headwater.storage.metadata.inspect import (
    MLFLOW_VERSION_TABLE,
    FoundSchema,
    SchemaState,
    schema_state,
)
from headwater.storage.metadata.postgres_connection import PostgresConnection, shown_uri
from headwater.storage.metadata.run_module import run_module
from headwater.storage.migrations import DATABASE_VARIABLE, VERSION_TABLE
from headwater.storage.migrations.search_indexes import POSTGRES_OBJECTS, missing

_TABLES = """
SELECT tablename FROM pg_tables WHERE schemaname = ANY (current_schemas(false))
"""

# Held by the session that creates MLflow's tables; the migrations of ours have one of their own.
_LOCK = "SELECT pg_advisory_lock(hashtextextended('headwater create', 0))"


def inspect(uri: str, release: MlflowRelease) -> SchemaState:
    """Return what the database needs, changing nothing.

    Raises:
        SchemaError: it cannot be reached, is no MLflow database, or an older or newer one than
            the installed MLflow and Headwater work with; the message says what to do.
    """
    with connected(uri) as connection:
        return schema_state(read_schema(connection, shown_uri(uri)), release)


def create(uri: str, release: MlflowRelease, artifact_root: str) -> None:
    """Make MLflow's tables and ours where `inspect` says that the database is EMPTY.

    Of several servers one does it; the others wait. When it is stopped half-way, the next
    `inspect` says what is left to do.

    Raises:
        SchemaError: MLflow's or our migrations failed.
    """
    with connected(uri) as connection:
        connection.execute("SET lock_timeout = 0")
        connection.execute(_LOCK)
        if schema_state(read_schema(connection, shown_uri(uri)), release) is SchemaState.EMPTY:
            _run("headwater.mlflow_plugin.create_database", uri, artifact_root)


def migrate(uri: str) -> None:
    """Add Headwater's tables to an MLflow database, or bring them up to date.

    One transaction; other servers may have the database open.

    Raises:
        SchemaError: a migration failed; the database is as it was.
    """
    _run("headwater.storage.migrations", uri)


def _run(module: str, uri: str, *arguments: str) -> None:
    # The password must not appear in a list of processes.
    run_module(module, shown_uri(uri), *arguments, **{DATABASE_VARIABLE: uri})


@contextlib.contextmanager
def connected(uri: str) -> Iterator[PostgresConnection]:
    """Yield a session.

    Raises:
        SchemaError: the database cannot be reached, or refuses what is done in the session.
    """
    try:
        with contextlib.closing(PostgresConnection(uri)) as connection:
            yield connection
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        raise SchemaError(f"{shown_uri(uri)} cannot be opened: {reason}") from error


def read_schema(connection: PostgresConnection, name: str) -> FoundSchema:
    """Return what an open database holds, which messages call by this name."""
    tables = frozenset(table for (table,) in connection.execute(_TABLES))

    def revisions(table: str) -> list[str]:
        if table not in tables:
            return []
        rows = connection.execute(f"SELECT version_num FROM {table}")  # noqa: S608  # a constant
        return [revision for (revision,) in rows]

    return FoundSchema(
        name,
        name,
        tables,
        revisions(MLFLOW_VERSION_TABLE),
        revisions(VERSION_TABLE),
        missing(connection.execute(POSTGRES_OBJECTS)),
    )
