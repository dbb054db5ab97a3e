"""Group commit on PostgreSQL: concurrent callers' operations share transactions.

A few threads take turns at what is waiting, each with a session of its own. In a transaction of
several operations only the first may wait for a lock: any other that would have to wait, while
locks of the ones before it are held, is put off to a later transaction. So transactions of any
number of servers never wait for each other in a circle, whatever order requests arrive in.

A transaction whose connection breaks while it commits is looked up by its id afterwards, so that
it is neither reported as lost when it is stored nor run twice.
"""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import psycopg

from headwater.errors import DatabaseError, HeadwaterError, NotServedError
from headwater.storage.metadata.base import Operation
from headwater.storage.metadata.pending_write import PendingWrite
from headwater.storage.metadata.postgres_connection import (
    ConnectionPool,
    PostgresConnection,
    is_conflict,
    is_lock_timeout,
    is_lost_connection,
    translated_error,
)

Result = TypeVar("Result")

_THREADS = 2
_LARGEST_GROUP = 64
_ATTEMPTS = 8
_STATUS_ATTEMPTS = 20
_STATUS_SECONDS = 0.25

_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
_TRANSACTION_ID = "SELECT pg_current_xact_id()::text"
_STATUS = "SELECT pg_xact_status(?::text::xid8)"
_DO_NOT_WAIT = "SET LOCAL lock_timeout = '1ms'"


class _CommitLostError(Exception):
    """The connection broke while a transaction was being committed."""

    def __init__(self, transaction_id: str, cause: psycopg.Error) -> None:
        super().__init__(transaction_id)
        self.transaction_id = transaction_id
        self.cause = cause


class PostgresCommitter:
    """Runs the write operations of one event loop on a few sessions."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._waiting: deque[PendingWrite] = deque()
        self._lock = threading.Lock()
        self._active = 0
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="headwater-writer")
        self._long = ThreadPoolExecutor(1, thread_name_prefix="headwater-long-writer")

    def write(self, operation: Operation[Result], *, long: bool) -> asyncio.Future[Result]:
        """Queue an operation; the future is done once it is durable."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        write = PendingWrite(operation, future)
        if long:
            self._long.submit(self._run_and_deliver, [write])
            return future
        with self._lock:
            self._waiting.append(write)
            start = self._active < _THREADS
            self._active += start
        if start:
            self._threads.submit(self._work)
        return future

    def close(self) -> None:
        """Finish everything that was queued, then stop the threads."""
        self._threads.shutdown()
        self._long.shutdown()

    def _work(self) -> None:
        """Take what is waiting, group by group, until nothing is."""
        while True:
            with self._lock:
                count = min(len(self._waiting), _LARGEST_GROUP)
                if count == 0:
                    self._active -= 1
                    return
                group = [self._waiting.popleft() for _ in range(count)]
            self._run_and_deliver(group)

    def _run_and_deliver(self, group: list[PendingWrite]) -> None:
        try:
            done = self._run(group)
        except BaseException as error:  # noqa: BLE001  # handed to the callers, who await it
            for write in group:
                write.error = error
            done = group
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            done[0].future.get_loop().call_soon_threadsafe(_deliver, done)

    def _run(self, group: list[PendingWrite]) -> list[PendingWrite]:
        """Run a group; return those that are done, at least one. The others wait again."""
        if len(group) > 1:
            try:
                with self._pool.connection() as connection:
                    return self._run_group(connection, group)
            except (psycopg.Error, _CommitLostError) as error:
                if isinstance(error, _CommitLostError) and self._was_committed(error):
                    return group
                # Whatever it was, each by itself shows whose it is.
        for write in group:
            self._run_alone(write)
        return group

    def _run_group(
        self, connection: PostgresConnection, group: list[PendingWrite]
    ) -> list[PendingWrite]:
        done: list[PendingWrite] = []
        put_off: list[PendingWrite] = []
        with _transaction(connection) as transaction:
            for write in group:
                if _run_in_savepoint(connection, write, may_wait=not done):
                    done.append(write)
                else:
                    put_off.append(write)
            transaction.commit()
        if put_off:
            with self._lock:
                self._waiting.extendleft(reversed(put_off))
        return done

    def _run_alone(self, write: PendingWrite) -> None:
        """Run an operation in a transaction of its own, as often as the database asks for."""
        for attempt in range(1, _ATTEMPTS + 1):
            write.error = None
            try:
                with self._pool.connection() as connection, _transaction(connection) as transaction:
                    write.result = write.operation(connection)
                    transaction.commit()
            except _CommitLostError as error:
                try:
                    if self._was_committed(error):
                        return
                except DatabaseError as unknown:
                    write.error = unknown
                    return
                write.error = translated_error(error.cause)
            except (psycopg.Error, OverflowError) as error:
                write.error = translated_error(error)
                if is_lost_connection(error):
                    self._pool.discard_idle()  # the server may have been started anew
                elif not is_conflict(error):
                    return
                if attempt > 1:
                    time.sleep(0.01 * 2**attempt)
            except BaseException as error:  # noqa: BLE001  # handed to the caller, who awaits it
                write.error = error
                return
            else:
                return

    def _was_committed(self, lost: _CommitLostError) -> bool:
        """Ask the server what became of a transaction.

        Raises:
            DatabaseError: it cannot be asked, or does not know.
        """
        reason: HeadwaterError = translated_error(lost.cause)
        self._pool.discard_idle()
        for _ in range(_STATUS_ATTEMPTS):
            with contextlib.suppress(psycopg.OperationalError), self._pool.connection() as asking:
                (status,) = asking.execute(_STATUS, (lost.transaction_id,)).fetchone()
                if status in ("committed", "aborted"):
                    return bool(status == "committed")
                if status is None:
                    break
            time.sleep(_STATUS_SECONDS)
        raise DatabaseError(f"{reason}; the write may have been stored all the same")


class _Transaction:
    def __init__(self, connection: PostgresConnection) -> None:
        connection.execute(_BEGIN)
        self._connection = connection
        self._id = connection.execute(_TRANSACTION_ID)
        self.committed = False

    def commit(self) -> None:
        """Commit, waiting for everything that was sent."""
        (transaction_id,) = self._id.fetchone()
        try:
            self._connection.execute("COMMIT")
            self._connection.sync()
        except psycopg.Error as error:
            if is_lost_connection(error):
                raise _CommitLostError(transaction_id, error) from error
            raise
        self.committed = True


@contextlib.contextmanager
def _transaction(connection: PostgresConnection) -> Iterator[_Transaction]:
    """Yield a transaction, which is rolled back unless it was committed."""
    with connection.pipelined():
        transaction = None
        try:
            transaction = _Transaction(connection)
            yield transaction
        finally:
            if transaction is None or not transaction.committed:
                connection.roll_back()


def _run_in_savepoint(
    connection: PostgresConnection, write: PendingWrite, *, may_wait: bool
) -> bool:
    """Run an operation beside others; return False where it would have to wait for a lock.

    Raises:
        psycopg.Error: what ends the whole transaction.
    """
    write.error = None
    if not may_wait:
        connection.execute(_DO_NOT_WAIT)
    connection.execute("SAVEPOINT operation")
    try:
        write.result = write.operation(connection)
        connection.sync()
    except (psycopg.Error, OverflowError) as error:
        if not may_wait and is_lock_timeout(error):
            _back_to_savepoint(connection)
            return False
        refused = translated_error(error)
        if not isinstance(refused, NotServedError):
            raise
        write.error = refused
    except BaseException as error:  # noqa: BLE001  # handed to the caller, who awaits it
        write.error = error
    if write.error is not None:
        _back_to_savepoint(connection)
    else:
        connection.execute("RELEASE operation")
    return True


def _back_to_savepoint(connection: PostgresConnection) -> None:
    connection.recover()
    connection.execute("ROLLBACK TO operation")
    connection.execute("RELEASE operation")


def _deliver(writes: list[PendingWrite]) -> None:
    for write in writes:
        write.deliver()
