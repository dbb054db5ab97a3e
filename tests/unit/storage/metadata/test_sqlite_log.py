"""The write-ahead log gets its full length before commits need it, and means what it meant."""

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.sqlite import SqliteDatabase
from headwater.storage.metadata.sqlite_connection import LOG_BYTES
from headwater.storage.metadata.sqlite_log import STEP, lengthen


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.execute("CREATE TABLE numbers (n INTEGER PRIMARY KEY)")
    opened = SqliteDatabase(tmp_path / "a.db")
    yield opened
    opened.close()


def log_of(database: SqliteDatabase) -> Path:
    return database.path.with_name("a.db-wal")


def insert(connection: Connection) -> None:
    connection.execute("INSERT INTO numbers DEFAULT VALUES")


def count(connection: Connection) -> int:
    found: int = connection.execute("SELECT count(*) FROM numbers").fetchone()[0]
    return found


async def test_the_log_is_lengthened_beside_writers(database: SqliteDatabase) -> None:
    async def write_on() -> None:
        for _ in range(50):
            await database.write(insert)

    await asyncio.gather(database.make_room(), write_on())
    assert log_of(database).stat().st_size == LOG_BYTES
    assert await database.read(count) == 50


async def test_all_that_was_committed_is_recovered_from_a_lengthened_log(
    database: SqliteDatabase, tmp_path: Path
) -> None:
    await database.write(insert)
    await database.make_room()
    await database.write(insert)
    copied = tmp_path / "as a kill leaves it"
    copied.mkdir()
    for file in (database.path, log_of(database)):
        shutil.copy(file, copied)
    with closing(sqlite3.connect(copied / "a.db")) as connection:
        assert connection.execute("SELECT count(*) FROM numbers").fetchone() == (2,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_the_log_keeps_its_length_when_it_starts_over(database: SqliteDatabase) -> None:
    await database.make_room()
    await database.write(insert)
    with closing(sqlite3.connect(database.path)) as other:
        assert other.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0] == 0
    await database.write(insert)
    assert log_of(database).stat().st_size == LOG_BYTES
    assert await database.read(count) == 2


def test_it_is_lengthened_step_by_step(tmp_path: Path) -> None:
    log = tmp_path / "a.db-wal"
    log.write_bytes(b"frames")
    assert lengthen(log, STEP + 10) == STEP + 6
    assert lengthen(log, STEP + 10) == STEP + 10
    assert lengthen(log, STEP + 10) is None
    assert log.read_bytes().rstrip(b"\0") == b"frames"


def test_it_stays_as_it_is_on_a_disk_with_little_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "a.db-wal"
    log.write_bytes(b"frames")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=15 * STEP))
    assert lengthen(log, STEP) is None
    assert log.read_bytes() == b"frames"


def test_no_log_is_made_where_there_is_none(tmp_path: Path) -> None:
    assert lengthen(tmp_path / "a.db-wal", STEP) is None
    assert list(tmp_path.iterdir()) == []
