"""SQLite as metadata database: one writer thread that commits in groups, readers on snapshots."""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar
from urllib.parse import quote

from headwater.errors import (
    DatabaseBusyError,
    DatabaseError,
    DatabaseFullError,
    NotServedError,
)
from headwater.storage.metadata.base import Connection, Database, Operation

Result = TypeVar("Result")

BUSY_TIMEOUT_SECONDS = 20
"""As long as MLflow itself waits for another writer."""

_LARGEST_GROUP = 256
_READER_THREADS = 4
_CHECKPOINT_PAGES = 4_000
_JOURNAL_SIZE_LIMIT = 64 * 1024 * 1024


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open a connection that behaves as MLflow's do: foreign keys, case-sensitive LIKE.

    Statements outside an explicit BEGIN commit on their own. WAL with synchronous=FULL: what is
    committed survives power loss.

    Raises:
        DatabaseError: the file cannot be opened.
    """
    with translated_errors(path):
        connection = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode=rw",
            uri=True,
            timeout=BUSY_TIMEOUT_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA case_sensitive_like = true")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL_SIZE_LIMIT}")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
    return connection


@contextlib.contextmanager
def translated_errors(path: Path) -> Iterator[None]:
    """Translate SQLite's exceptions into Headwater's.

    A refused constraint or a number that SQLite cannot hold becomes `NotServedError`: MLflow's own
    code words the answer.
    """
    try:
        yield
    except (sqlite3.IntegrityError, OverflowError) as error:
        raise NotServedError(str(error)) from error
    except sqlite3.Error as error:
        raise _database_error(path, error) from error


def _database_error(path: Path, error: sqlite3.Error) -> DatabaseError:
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None
    if primary == sqlite3.SQLITE_FULL:
        return DatabaseFullError(f"No space left for {path}; free some space and retry.")
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return DatabaseBusyError(
            f"Another process has held the write lock of {path} for more than "
            f"{BUSY_TIMEOUT_SECONDS} s; retry."
        )
    return DatabaseError(f"{path}: {error}")


@dataclass(slots=True)
class _Write:
    operation: Operation[Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    result: Any = None
    error: BaseException | None = None

    def deliver(self) -> None:
        if self.future.done():  # the caller went away; what it asked for is stored all the same
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class SqliteDatabase(Database):
    """An MLflow SQLite database in WAL mode. See `Database` for the guarantees.

    Writes run on one thread, which takes everything that waits into one transaction, each
    operation in a savepoint of its own, so that concurrent requests share one fsync.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connections: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._local = threading.local()
        self._closed = False
        self._writer_connection = self._open(read_only=False)
        self._queue: SimpleQueue[_Write | None] = SimpleQueue()
        self._readers = ThreadPoolExecutor(_READER_THREADS, thread_name_prefix="headwater-reader")
        self._writer = threading.Thread(
            target=self._write_loop, name="headwater-writer", daemon=True
        )
        self._writer.start()

    async def write(self, operation: Operation[Result]) -> Result:
        """See `Database.write`."""
        if self._closed:
            raise DatabaseError("the database is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._queue.put(_Write(operation, future, loop))
        return await future

    async def read(self, operation: Operation[Result]) -> Result:
        """See `Database.read`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, partial(self.read_now, operation))

    def read_now(self, operation: Operation[Result]) -> Result:
        """See `Database.read_now`."""
        connection = self._reader()
        with translated_errors(self.path):
            connection.execute("BEGIN")
            try:
                return operation(connection)
            finally:
                connection.execute("ROLLBACK")

    def close(self) -> None:
        """See `Database.close`."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        self._writer.join()
        self._readers.shutdown()
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def _open(self, *, read_only: bool) -> sqlite3.Connection:
        connection = connect(self.path, read_only=read_only)
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

    def _write_loop(self) -> None:
        while (first := self._queue.get()) is not None:
            group, closing = [first], False
            while len(group) < _LARGEST_GROUP:
                try:
                    write = self._queue.get_nowait()
                except Empty:
                    break
                if write is None:
                    closing = True
                    break
                group.append(write)
            self._commit(group)
            _deliver(group)
            if closing:
                return

    def _commit(self, group: list[_Write]) -> None:
        """Commit the group as one transaction; where the database fails it, one by one."""
        error = self._attempt(lambda: self._run_group(group))
        if error is None:
            return
        for write in group:
            write.error = error if len(group) == 1 else self._attempt(partial(self._run_one, write))

    def _attempt(self, work: Callable[[], None]) -> DatabaseError | None:
        """Run work between BEGIN and COMMIT; on a database error roll back and return it."""
        connection = self._writer_connection
        try:
            with translated_errors(self.path):
                connection.execute("BEGIN IMMEDIATE")
                work()
                connection.execute("COMMIT")
        except DatabaseError as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            return error
        return None

    def _run_group(self, group: list[_Write]) -> None:
        for write in group:
            self._run_one(write)

    def _run_one(self, write: _Write) -> None:
        connection = self._writer_connection
        write.error = None
        connection.execute("SAVEPOINT operation")
        try:
            with translated_errors(self.path):
                write.result = write.operation(connection)
        except DatabaseError:
            raise
        except BaseException as error:  # noqa: BLE001  # handed to the caller, who awaits it
            write.error = error
            connection.execute("ROLLBACK TO operation")
        connection.execute("RELEASE operation")


def _deliver(group: list[_Write]) -> None:
    """Wake the callers on their event loop: one wake-up for the group."""
    loops = {write.loop for write in group}
    for loop in loops:
        writes = [write for write in group if write.loop is loop]
        with contextlib.suppress(RuntimeError):  # the loop was closed while we committed
            loop.call_soon_threadsafe(_deliver_all, writes)


def _deliver_all(writes: list[_Write]) -> None:
    for write in writes:
        write.deliver()


_: type[Connection] = sqlite3.Connection  # the driver's connection is a Connection as it is
