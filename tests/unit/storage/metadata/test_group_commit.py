"""The event loop never waits for another process's lock, a long operation or a slow disk."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from headwater.errors import DatabaseBusyError
from headwater.storage.metadata import group_commit
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.sqlite import SqliteDatabase

INSERT = "INSERT INTO numbers VALUES (?)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "test.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE numbers (n INTEGER UNIQUE)")
    connection.close()
    return path


@pytest.fixture
async def database(path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(path)
    yield database
    database.close()


@pytest.fixture
def other_writer(path: Path, database: SqliteDatabase) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


def numbers(connection: Connection) -> list[int]:
    return [n for (n,) in connection.execute("SELECT n FROM numbers ORDER BY n")]


async def longest_pause(until: asyncio.Future[None]) -> float:
    """Return the longest time for which the event loop stood still, in seconds."""
    longest = 0.0
    while not until.done():
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        longest = max(longest, time.perf_counter() - before)
    return longest


async def test_another_writer_is_waited_for_off_the_event_loop(
    database: SqliteDatabase, other_writer: sqlite3.Connection
) -> None:
    writes = asyncio.gather(
        *(database.write(lambda c, n=n: c.execute(INSERT, (n,)).rowcount) for n in range(5))  # type: ignore[misc]
    )
    await asyncio.sleep(0.2)
    assert not writes.done()
    assert database.read_now(numbers) == []
    other_writer.execute("ROLLBACK")
    await writes
    assert database.read_now(numbers) == [0, 1, 2, 3, 4]


async def test_a_writer_that_never_yields_is_reported(
    database: SqliteDatabase, other_writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "BUSY_TIMEOUT_SECONDS", 0)
    with pytest.raises(DatabaseBusyError, match="retry"):
        await database.write(lambda c: c.execute(INSERT, (1,)).rowcount)
    other_writer.execute("ROLLBACK")
    await database.write(lambda c: c.execute(INSERT, (1,)).rowcount)
    assert database.read_now(numbers) == [1]


async def test_a_long_operation_leaves_the_event_loop_free(database: SqliteDatabase) -> None:
    threads = []

    def slow(connection: Connection) -> None:
        threads.append(threading.current_thread())
        time.sleep(0.3)
        connection.execute(INSERT, (1,))

    write = asyncio.ensure_future(database.write(slow, long=True))
    assert await longest_pause(write) < 0.25
    assert threads != [threading.main_thread()]
    assert database.read_now(numbers) == [1]


async def test_writes_keep_their_order_around_a_long_one(database: SqliteDatabase) -> None:
    order: list[int] = []
    await asyncio.gather(
        *(
            database.write(lambda _, n=n: order.append(n), long=n == 3)  # type: ignore[misc]
            for n in range(7)
        )
    )
    assert order == list(range(7))


async def test_a_slow_disk_moves_the_commit_to_a_thread(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "_INLINE_COMMIT_SECONDS", -1.0)
    for n in range(20):
        await database.write(lambda c, n=n: c.execute(INSERT, (n,)).rowcount)  # type: ignore[misc]
    assert database.read_now(numbers) == list(range(20))


async def test_concurrent_writes_share_commits(database: SqliteDatabase) -> None:
    commits: list[str] = []
    database._committer._connection.set_trace_callback(
        lambda statement: commits.append(statement) if statement == "COMMIT" else None
    )

    async def write(n: int) -> None:
        await database.write(lambda c: c.execute(INSERT, (n,)).rowcount)

    await asyncio.gather(*(write(n) for n in range(100)))
    assert len(commits) == 1
    assert database.read_now(numbers) == list(range(100))
