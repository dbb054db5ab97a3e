"""Group commit on SQLite: many callers' operations in one transaction, one fsync.

Statements run on the event loop's thread: SQLite releases the interpreter lock in each of them,
and a second thread that wants the lock back would wait a switch interval for every statement.
What may block for long runs on a thread of its own: waiting for another process's write lock, long
operations, and the commit with its fsync, except where the disk has shown that it syncs in less
time than a change of threads takes.
"""

import asyncio
import contextlib
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from headwater.errors import DatabaseBusyError, DatabaseError
from headwater.storage.metadata.base import Operation
from headwater.storage.metadata.pending_write import PendingWrite
from headwater.storage.metadata.sqlite_connection import BUSY_TIMEOUT_SECONDS, translated_errors

Result = TypeVar("Result")

_LARGEST_GROUP = 256
_INLINE_COMMIT_SECONDS = 0.001
_SMOOTHING = 0.1


@dataclass(slots=True, eq=False)
class _Group:
    writes: list[PendingWrite] = field(default_factory=list)
    finished: bool = False

    def fail(self, error: DatabaseError) -> None:
        for write in self.writes:
            write.error = error


class GroupCommitter:
    """Runs the write operations of one event loop on one connection, in the order of arrival."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._connection.execute("PRAGMA busy_timeout = 0")
        self._waiting: deque[PendingWrite] = deque()
        self._group: _Group | None = None
        self._scheduled = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="headwater-writer")
        self._commit_seconds = _INLINE_COMMIT_SECONDS

    def write(self, operation: Operation[Result], *, long: bool) -> asyncio.Future[Result]:
        """Queue an operation; the future is done once it is durable."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append(PendingWrite(operation, future, long))
        if self._group is None and not self._scheduled:
            # After the callbacks that are ready now: what they write shares the commit.
            self._scheduled = True
            loop.call_soon(self._begin, loop)
        return future

    def close(self) -> None:
        """Finish everything that was queued, then stop the thread."""
        self._thread.shutdown()
        if self._group is not None:
            self._finish(self._group)
        while self._waiting:
            group = self._next_group()
            self._run_on_thread(group)
            self._finish(group)

    def _next_group(self) -> _Group:
        group = _Group([self._waiting.popleft()])
        while self._waiting and len(group.writes) < _LARGEST_GROUP and not group.writes[0].long:
            if self._waiting[0].long:
                break
            group.writes.append(self._waiting.popleft())
        return group

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._scheduled = False
        if self._group is not None or not self._waiting:
            return
        self._group = group = self._next_group()
        if group.writes[0].long:
            self._continue_on_thread(loop, group, partial(self._run_on_thread, group))
            return
        try:
            with translated_errors():
                self._connection.execute("BEGIN IMMEDIATE")
        except DatabaseBusyError:
            self._continue_on_thread(loop, group, partial(self._run_on_thread, group))
        except DatabaseError as error:
            group.fail(error)
            self._finish(group, loop)
        else:
            self._run(loop, group)

    def _run(self, loop: asyncio.AbstractEventLoop, group: _Group) -> None:
        """Run the operations here, then commit here or on the thread."""
        try:
            self._run_writes(group)
            here = not self._waiting and self._commit_seconds <= _INLINE_COMMIT_SECONDS
            if here:
                self._commit()
        except DatabaseError:
            self._roll_back()
            self._continue_on_thread(loop, group, partial(self._run_on_thread, group))
            return
        if here:
            self._finish(group, loop)
        else:
            self._continue_on_thread(loop, group, partial(self._commit_or_retry, group))

    def _continue_on_thread(
        self, loop: asyncio.AbstractEventLoop, group: _Group, work: Callable[[], None]
    ) -> None:
        def run() -> None:
            try:
                work()
            finally:
                with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                    loop.call_soon_threadsafe(self._finish, group, loop)

        self._thread.submit(run)

    def _finish(self, group: _Group, loop: asyncio.AbstractEventLoop | None = None) -> None:
        if group.finished:
            return
        group.finished = True
        self._group = None
        for write in group.writes:
            write.deliver()
        if self._waiting and loop is not None and not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._begin, loop)

    def _commit_or_retry(self, group: _Group) -> None:
        try:
            self._commit()
        except DatabaseError:
            self._roll_back()
            self._run_on_thread(group)

    def _run_on_thread(self, group: _Group) -> None:
        """Run each operation in a transaction of its own, waiting for other writers."""
        for write in group.writes:
            try:
                with translated_errors():
                    self._connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS}000")
                    try:
                        self._connection.execute("BEGIN IMMEDIATE")
                    finally:
                        self._connection.execute("PRAGMA busy_timeout = 0")
                self._run_alone(write)
                self._commit()
            except DatabaseError as error:
                self._roll_back()
                write.error = error

    def _run_writes(self, group: _Group) -> None:
        if len(group.writes) == 1:
            self._run_alone(group.writes[0])
        elif not self._run_together(group):
            for write in group.writes:
                self._run_beside_others(write)

    def _run_together(self, group: _Group) -> bool:
        """Run the operations without savepoints, which copy every page that is changed.

        Where one of them raises, all is undone, and False returned.
        """
        try:
            with translated_errors():
                for write in group.writes:
                    write.error = None
                    write.result = write.operation(self._connection)
        except DatabaseError:
            raise
        except BaseException:  # noqa: BLE001  # raised again, alone, in its savepoint
            self._roll_back()
            with translated_errors():
                self._connection.execute("BEGIN IMMEDIATE")
            return False
        return True

    def _run_alone(self, write: PendingWrite) -> None:
        """Run the only operation of a transaction; only what the database refuses is raised."""
        write.error = None
        try:
            with translated_errors():
                write.result = write.operation(self._connection)
        except DatabaseError:
            raise
        except BaseException as error:  # noqa: BLE001  # handed to the caller, who awaits it
            write.error = error
            self._roll_back()
            self._connection.execute("BEGIN")  # an empty transaction for the commit that follows

    def _run_beside_others(self, write: PendingWrite) -> None:
        """Run an operation in a savepoint; only what the database refuses is raised."""
        write.error = None
        connection = self._connection
        with translated_errors():
            connection.execute("SAVEPOINT operation")
            try:
                with translated_errors():
                    write.result = write.operation(connection)
            except DatabaseError:
                raise
            except BaseException as error:  # noqa: BLE001  # handed to the caller, who awaits it
                write.error = error
                connection.execute("ROLLBACK TO operation")
            connection.execute("RELEASE operation")

    def _commit(self) -> None:
        started = time.perf_counter()
        with translated_errors():
            self._connection.execute("COMMIT")
        seconds = time.perf_counter() - started
        self._commit_seconds += _SMOOTHING * (seconds - self._commit_seconds)

    def _roll_back(self) -> None:
        if self._connection.in_transaction:  # some errors have rolled back already
            self._connection.execute("ROLLBACK")
