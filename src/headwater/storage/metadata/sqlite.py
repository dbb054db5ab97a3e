"""SQLite as metadata database: group-committed writes, readers on snapshots."""

import asyncio
import contextlib
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from headwater.errors import DatabaseError, StatementTimeoutError
from headwater.storage.metadata.base import Database, Operation
from headwater.storage.metadata.group_commit import GroupCommitter
from headwater.storage.metadata.sqlite_connection import LOG_BYTES, connect, translated_errors
from headwater.storage.metadata.sqlite_log import lengthen, sync

Result = TypeVar("Result")

_READER_THREADS = 4
_LOOK_AFTER = 100_000
"""Instructions of SQLite's machine, some milliseconds, after which a search looks at the clock."""


class SqliteDatabase(Database):
    """An MLflow SQLite database in WAL mode. See `Database` for the guarantees.

    `relaxed`: what was written last may be lost with the machine's power.
    """

    def __init__(self, path: Path, *, relaxed: bool = False) -> None:
        self.path = path
        self._relaxed = relaxed
        self._connections: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._local = threading.local()
        self._closed = False
        self._committer = GroupCommitter(self._open(read_only=False))
        self._readers = ThreadPoolExecutor(_READER_THREADS, thread_name_prefix="headwater-reader")
        self._searchers = ThreadPoolExecutor(_READER_THREADS, thread_name_prefix="headwater-search")

    async def write(self, operation: Operation[Result], *, long: bool = False) -> Result:
        """See `Database.write`."""
        if self._closed:
            raise DatabaseError("the database is closed")
        return await self._committer.write(operation, long=long)

    async def read(self, operation: Operation[Result], *, brief: bool = False) -> Result:
        """See `Database.read`."""
        if brief:
            return self.read_now(operation)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, partial(self.read_now, operation))

    async def search(self, operation: Operation[Result], seconds: float) -> Result:
        """See `Database.search`."""
        loop = asyncio.get_running_loop()
        limited = partial(self._read_within, seconds, operation)
        return await loop.run_in_executor(self._searchers, limited)

    def read_now(self, operation: Operation[Result]) -> Result:
        """See `Database.read_now`."""
        connection = self._reader()
        with translated_errors():
            connection.execute("BEGIN")
            try:
                return operation(connection)
            finally:
                connection.execute("ROLLBACK")

    async def make_room(self) -> None:
        """See `Database.make_room`: gives the write-ahead log its full length."""
        log = self.path.with_name(f"{self.path.name}-wal")
        with contextlib.suppress(DatabaseError):  # closed or busy: left as it is
            while await self.write(lambda _: lengthen(log, LOG_BYTES), long=True):
                await asyncio.to_thread(sync, log)

    def close(self) -> None:
        """See `Database.close`."""
        if self._closed:
            return
        self._closed = True
        self._committer.close()
        self._readers.shutdown()
        self._searchers.shutdown()
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def _read_within(self, seconds: float, operation: Operation[Result]) -> Result:
        deadline = time.monotonic() + seconds
        connection = self._reader()
        connection.set_progress_handler(lambda: time.monotonic() > deadline, _LOOK_AFTER)
        try:
            return self.read_now(operation)
        except StatementTimeoutError as error:
            raise StatementTimeoutError(f"{seconds:g} s") from error
        finally:
            connection.set_progress_handler(None, 0)

    def _open(self, *, read_only: bool) -> sqlite3.Connection:
        connection = connect(self.path, read_only=read_only, relaxed=self._relaxed)
        with self._lock:
            self._connections.append(connection)
        return connection

    def _reader(self) -> sqlite3.Connection:
        if self._closed:
            raise DatabaseError("the database is closed")
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._open(read_only=True)
        return connection
