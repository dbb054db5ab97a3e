"""PostgreSQL databases, all on one server with its settings at their defaults."""

from pathlib import Path

import psycopg
from tests.postgres import Postgres, database_of

from benchmarks.storage import Database, Storage


class PostgresDatabase(Database):
    """A database of the benchmark's own PostgreSQL server."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def size(self) -> int:
        """See `Database.size`."""
        with psycopg.connect(self.uri, autocommit=True) as connection:
            row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        assert row is not None
        return int(row[0])

    def keep(self, name: str) -> str:  # noqa: ARG002  # it has one
        """See `Database.keep`; the database itself becomes the template."""
        return database_of(self.uri)


class PostgresStorage(Storage):
    """Databases of a running PostgreSQL server."""

    def __init__(self, server: Postgres) -> None:
        self._server = server

    def make(self, directory: Path, template: str | None) -> Database:  # noqa: ARG002
        """See `Storage.make`."""
        return PostgresDatabase(self._server.create(template=template or "template1"))
