"""PostgreSQL as metadata database: group-committed writes, readers on snapshots."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import psycopg

from headwater.errors import DatabaseBusyError, DatabaseError, StatementTimeoutError
from headwater.storage.metadata.base import Connection, Database, Operation
from headwater.storage.metadata.postgres_commit import PostgresCommitter
from headwater.storage.metadata.postgres_connection import (
    ConnectionPool,
    is_lost_connection,
    translated_errors,
)

Result = TypeVar("Result")

_READER_THREADS = 4
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresDatabase(Database):
    """An MLflow PostgreSQL database that any number of servers may use at once.

    See `Database` for the guarantees. A `read` sees what any server's returned `write` stored.
    `relaxed`: what was written last may be lost with the database server.
    """

    def __init__(self, uri: str, *, relaxed: bool = False) -> None:
        self._closed = False
        self._writing = ConnectionPool(uri, relaxed=relaxed)
        self._reading = ConnectionPool(uri, read_only=True)
        self._committer = PostgresCommitter(self._writing)
        self._readers = ThreadPoolExecutor(_READER_THREADS, thread_name_prefix="headwater-reader")
        self._searchers = ThreadPoolExecutor(_READER_THREADS, thread_name_prefix="headwater-search")

    async def write(self, operation: Operation[Result], *, long: bool = False) -> Result:
        """See `Database.write`."""
        self._require_open()
        return await self._committer.write(operation, long=long)

    async def read(self, operation: Operation[Result], *, brief: bool = False) -> Result:  # noqa: ARG002
        """See `Database.read`; a brief one runs on a thread, too, for the server is far away."""
        self._require_open()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, partial(self.read_now, operation))

    async def search(self, operation: Operation[Result], seconds: float) -> Result:
        """See `Database.search`."""
        loop = asyncio.get_running_loop()
        limited = partial(self._read_within, seconds, operation)
        return await loop.run_in_executor(self._searchers, limited)

    def read_now(self, operation: Operation[Result]) -> Result:
        """See `Database.read_now`."""
        self._require_open()
        with translated_errors():
            try:
                return self._read(operation)
            except psycopg.OperationalError as error:
                if not is_lost_connection(error):
                    raise
            self._reading.discard_idle()  # the server may have been started anew
            return self._read(operation)

    def close(self) -> None:
        """See `Database.close`."""
        if self._closed:
            return
        self._closed = True
        self._committer.close()
        self._readers.shutdown()
        self._searchers.shutdown()
        self._writing.close()
        self._reading.close()

    def _read_within(self, seconds: float, operation: Operation[Result]) -> Result:
        def limited(connection: Connection) -> Result:
            connection.execute(f"SET LOCAL statement_timeout = {max(1, round(1000 * seconds))}")
            return operation(connection)

        try:
            return self.read_now(limited)
        except DatabaseBusyError as error:
            if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
                raise StatementTimeoutError(f"{seconds:g} s") from error
            raise

    def _read(self, operation: Operation[Result]) -> Result:
        with self._reading.connection() as connection, connection.pipelined():
            try:
                connection.execute(_BEGIN)
                result = operation(connection)
                connection.execute("ROLLBACK")
                connection.sync()
            except BaseException:
                connection.roll_back()
                raise
            return result

    def _require_open(self) -> None:
        if self._closed:
            raise DatabaseError("the database is closed")
