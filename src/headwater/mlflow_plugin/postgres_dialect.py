"""MLflow's sessions on PostgreSQL."""

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
import sqlalchemy
import sqlalchemy.exc

from headwater.mlflow_plugin.dialect import Dialect
from headwater.storage.metadata import runs
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.postgres_connection import PostgresConnection
from headwater.storage.metrics.postgres import PostgresMetricEngine


class PostgresDialect(Dialect):
    """PostgreSQL by psycopg."""

    metrics = PostgresMetricEngine()

    def begin_write(self, session: Any, run_id: str) -> None:
        """See `Dialect.begin_write`; locks the run's row, as every server does first."""
        runs.lifecycle(self.connection(session), run_id)

    def begin_read(self, session: Any) -> None:
        """See `Dialect.begin_read`; what was read before is in a transaction of its own."""
        session.commit()
        session.connection().exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")

    def connection(self, session: Any) -> Connection:
        """See `Dialect.connection`."""
        driver: psycopg.Connection[Any] = session.connection().connection.driver_connection
        return PostgresConnection.of_driver(driver)

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """See `Dialect.errors`."""
        try:
            yield
        except psycopg.OperationalError as error:
            raise sqlalchemy.exc.OperationalError(None, None, error) from error
        except psycopg.Error as error:
            raise sqlalchemy.exc.DBAPIError(None, None, error) from error

    def prepare(self, connection: sqlalchemy.Connection) -> None:
        """See `Dialect.prepare`: nothing is."""
