"""A PostgreSQL database as `Backend`; imports the driver."""

from contextlib import AbstractContextManager

import psycopg

from headwater.errors import ConfigurationError
from headwater.mlflow_release import MlflowRelease
from headwater.storage.backend import Backend
from headwater.storage.metadata import postgres_survey, prepare_postgres
from headwater.storage.metadata.base import Database
from headwater.storage.metadata.inspect import SchemaState
from headwater.storage.metadata.postgres import PostgresDatabase
from headwater.storage.metadata.postgres_connection import shown_uri
from headwater.storage.metrics.activity import Activity
from headwater.storage.metrics.base import MetricEngine
from headwater.storage.metrics.postgres import PostgresMetricEngine
from headwater.storage.survey import Survey


class PostgresBackend(Backend):
    """A database on a PostgreSQL server, which must exist; its tables need not."""

    def __init__(self, uri: str) -> None:
        """Take a URI.

        Raises:
            ConfigurationError: it is malformed.
        """
        self._uri = self.uri = uri
        try:
            self.name = shown_uri(uri)
        except psycopg.ProgrammingError as error:
            reason = " ".join(str(error).split())
            raise ConfigurationError(f"the URI of the database is malformed: {reason}") from error

    def inspect(self, release: MlflowRelease) -> SchemaState:
        """See `Backend.inspect`."""
        return prepare_postgres.inspect(self._uri, release)

    def create(self, release: MlflowRelease, artifact_root: str) -> None:
        """See `Backend.create`."""
        prepare_postgres.create(self._uri, release, artifact_root)

    def migrate(self) -> None:
        """See `Backend.migrate`."""
        prepare_postgres.migrate(self._uri)

    def open(
        self, activity: Activity | None = None, *, relaxed: bool = False
    ) -> tuple[Database, MetricEngine]:
        """See `Backend.open`."""
        return PostgresDatabase(self._uri, relaxed=relaxed), PostgresMetricEngine(activity)

    def surveyed(self) -> AbstractContextManager[Survey]:
        """See `Backend.surveyed`."""
        return postgres_survey.surveyed(self._uri)

    def give_back_space(self) -> None:
        """See `Backend.give_back_space`."""
        postgres_survey.give_back_space(self._uri)
