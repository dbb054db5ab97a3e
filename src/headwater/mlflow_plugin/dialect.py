"""What Headwater's metric engines need of MLflow's sessions, database by database."""

import contextlib
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import sqlalchemy
import sqlalchemy.exc

from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.sqlite_connection import BUSY_TIMEOUT_SECONDS
from headwater.storage.metrics.base import MetricEngine
from headwater.storage.metrics.sqlite import SqliteMetricEngine


class Dialect(ABC):
    """Stateless; a session is one of MLflow's, that is of SQLAlchemy's ORM."""

    metrics: MetricEngine

    @abstractmethod
    def begin_write(self, session: Any, run_id: str) -> None:
        """Begin a transaction that may write to a run; called before anything is read."""

    @abstractmethod
    def begin_read(self, session: Any) -> None:
        """Let what follows see one snapshot: points may be moving from one table to another."""

    @abstractmethod
    def connection(self, session: Any) -> Connection:
        """Return a connection inside the session's transaction."""

    @abstractmethod
    def errors(self) -> contextlib.AbstractContextManager[None]:
        """Raise the driver's errors as SQLAlchemy would, so that MLflow translates them."""

    @abstractmethod
    def prepare(self, connection: sqlalchemy.Connection) -> None:
        """Set what Headwater wants set on the database as a whole."""


class SqliteDialect(Dialect):
    """SQLite by Python's own driver."""

    metrics = SqliteMetricEngine()

    def begin_write(self, session: Any, run_id: str) -> None:  # noqa: ARG002
        """See `Dialect.begin_write`; takes the database's one write lock.

        A transaction that reads first cannot wait for another writer, it fails.
        """
        session.connection().exec_driver_sql("BEGIN IMMEDIATE")

    def begin_read(self, session: Any) -> None:
        """See `Dialect.begin_read`."""
        session.connection().exec_driver_sql("BEGIN")

    def connection(self, session: Any) -> Connection:
        """See `Dialect.connection`."""
        connection: sqlite3.Connection = session.connection().connection.driver_connection
        return connection

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """See `Dialect.errors`."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise sqlalchemy.exc.OperationalError(None, None, error) from error
        except sqlite3.Error as error:
            raise sqlalchemy.exc.DBAPIError(None, None, error) from error

    def prepare(self, connection: sqlalchemy.Connection) -> None:
        """See `Dialect.prepare`."""
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000}")
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")


def dialect_of(uri: str) -> Dialect:
    """Return the dialect of a URI as SQLAlchemy takes it."""
    if uri.startswith("sqlite:"):
        return SqliteDialect()
    # An extra, which servers on SQLite need not have nor load.
    from headwater.mlflow_plugin.postgres_dialect import PostgresDialect  # noqa: PLC0415

    return PostgresDialect()
