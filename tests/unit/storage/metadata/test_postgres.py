"""What is PostgreSQL's own: locks, lost connections, settings, values it cannot hold."""

import asyncio
import contextlib
import itertools
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from tests.postgres import Postgres

from headwater.errors import DatabaseBusyError, DatabaseError, NotServedError, SchemaError
from headwater.mlflow_release import installed_release
from headwater.storage.metadata import postgres_commit, prepare_postgres, runs
from headwater.storage.metadata.base import Connection, Operation
from headwater.storage.metadata.inspect import OWN_TABLES, SchemaState
from headwater.storage.metadata.postgres import PostgresDatabase
from headwater.storage.metadata.postgres_connection import (
    PostgresConnection,
    _translated,
    shown_uri,
)

RELEASE = installed_release()
SELECT_LOCKED = "SELECT n FROM numbers WHERE k = ? /* lock row */"
UPDATE = "UPDATE numbers SET n = n + 1 WHERE k = ?"
CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
def uri(postgres: Postgres) -> Iterator[str]:
    uri = postgres.create()
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("CREATE TABLE numbers (k text PRIMARY KEY, n bigint NOT NULL)")
        connection.execute("INSERT INTO numbers VALUES ('a', 0), ('b', 0), ('c', 0)")
    yield uri
    postgres.drop(uri)


@pytest.fixture
def other(uri: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(uri, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def database(uri: str) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(uri)
    yield database
    database.close()


def add(*keys: str) -> Operation[None]:
    def operation(connection: Connection) -> None:
        for key in keys:
            connection.execute(SELECT_LOCKED, (key,)).fetchone()
            connection.execute(UPDATE, (key,))

    return operation


def numbers(connection: Connection) -> dict[str, int]:
    return dict(connection.execute("SELECT k, n FROM numbers"))


def deadlocks(connection: psycopg.Connection[Any]) -> int:
    connection.execute("SELECT pg_stat_force_next_flush()")
    row = connection.execute(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    ).fetchone()
    assert row is not None
    return int(row[0])


async def test_transactions_of_several_operations_never_wait_in_a_circle(
    uri: str, other: psycopg.Connection[Any]
) -> None:
    databases = [PostgresDatabase(uri) for _ in range(3)]
    orders = itertools.cycle(itertools.permutations("abc"))
    writes = [
        database.write(add(key))
        for _ in range(30)
        for database, order in zip(databases, orders, strict=False)
        for key in order
    ]
    await asyncio.gather(*writes)
    assert set((await databases[0].read(numbers)).values()) == {90}
    for database in databases:
        database.close()
    assert deadlocks(other) == 0


async def test_a_locked_row_holds_up_nobody_else(
    database: PostgresDatabase, other: psycopg.Connection[Any]
) -> None:
    with other.transaction():
        other.execute("SELECT 1 FROM numbers WHERE k = 'b' FOR UPDATE")
        writes = [asyncio.ensure_future(database.write(add(key))) for key in "abcabc"]
        free = [write for write, key in zip(writes, "abcabc", strict=True) if key != "b"]
        await asyncio.wait_for(asyncio.gather(*free), 10)
        assert not any(write.done() for write in writes if write not in free)
    await asyncio.gather(*writes)
    assert await database.read(numbers) == {"a": 2, "b": 2, "c": 2}


async def test_a_deadlock_s_victim_is_run_again(
    database: PostgresDatabase, other: psycopg.Connection[Any]
) -> None:
    """The other writer keeps to no order, as code of other people may."""
    holds, goes_on, done = threading.Event(), threading.Event(), threading.Event()

    def a_then_b(connection: Connection) -> None:
        if goes_on.is_set():  # again: else it might take `a` before the other one has woken up
            done.wait(10)
        connection.execute(UPDATE, ("a",)).rowcount  # noqa: B018  # waits for the server
        holds.set()
        goes_on.wait(10)
        connection.execute(UPDATE, ("b",))

    def b_then_a() -> None:
        with other.transaction():
            other.execute("SET LOCAL deadlock_timeout = '1min'")  # so that ours is the victim
            other.execute("UPDATE numbers SET n = n + 1 WHERE k = 'b'")
            holds.wait(10)
            goes_on.set()
            other.execute("UPDATE numbers SET n = n + 1 WHERE k = 'a'")
        done.set()

    loop = asyncio.get_running_loop()
    await asyncio.gather(database.write(a_then_b), loop.run_in_executor(None, b_then_a))
    assert await database.read(numbers) == {"a": 2, "b": 2, "c": 0}
    async with asyncio.timeout(30):  # the server counts with some delay
        while deadlocks(other) < 1:
            await asyncio.sleep(0.1)
    assert deadlocks(other) == 1


async def test_a_lock_held_for_too_long_is_an_error(
    database: PostgresDatabase, other: psycopg.Connection[Any]
) -> None:
    def impatient(connection: Connection) -> None:
        connection.execute("SET LOCAL lock_timeout = '50ms'")
        add("a")(connection)

    with other.transaction():
        other.execute("SELECT 1 FROM numbers WHERE k = 'a' FOR UPDATE")
        with pytest.raises(DatabaseBusyError, match="lock timeout"):
            await database.write(impatient)


async def test_connections_that_were_cut_while_idle_are_opened_anew(
    database: PostgresDatabase, other: psycopg.Connection[Any]
) -> None:
    for expected in range(1, 4):
        await database.write(add("a"))
        assert (await database.read(numbers))["a"] == expected
        other.execute(CUT)


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("together", [True, False])
async def test_a_connection_that_breaks_in_a_commit_neither_loses_nor_doubles(
    database: PostgresDatabase,
    monkeypatch: pytest.MonkeyPatch,
    committed: bool,
    together: bool,
) -> None:
    """The commit reached the server, or did not; its answer is lost in either case."""
    execute = PostgresConnection.execute
    broken = threading.Event()

    def break_once(self: PostgresConnection, statement: str, parameters: Any = ()) -> Any:
        if statement != "COMMIT" or broken.is_set():
            return execute(self, statement, parameters)
        broken.set()
        if committed:
            execute(self, statement)
            self.sync()
        self.close()
        raise psycopg.OperationalError("the connection is lost")

    monkeypatch.setattr(PostgresConnection, "execute", break_once)
    keys = "abc" if together else "a"
    await asyncio.gather(*(database.write(add(key)) for key in keys))
    assert broken.is_set()
    stored = await database.read(numbers)
    assert [stored[key] for key in keys] == [1] * len(keys)


async def test_a_commit_whose_fate_is_unknown_is_an_error(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute = PostgresConnection.execute

    def break_always(self: PostgresConnection, statement: str, parameters: Any = ()) -> Any:
        if statement == postgres_commit._STATUS:
            return execute(self, "SELECT NULL")
        if statement == "COMMIT":
            self.close()
            raise psycopg.OperationalError("the connection is lost")
        return execute(self, statement, parameters)

    monkeypatch.setattr(PostgresConnection, "execute", break_always)
    with pytest.raises(DatabaseError, match="may have been stored"):
        await database.write(add("a"))


def test_commits_wait_for_the_disk_whatever_the_server_s_setting(
    uri: str, other: psycopg.Connection[Any]
) -> None:
    name = uri.partition("?")[0].rpartition("/")[2]
    for setting, effective in (("off", "on"), ("remote_write", "remote_write"), ("on", "on")):
        other.execute(f"ALTER DATABASE {name} SET synchronous_commit = {setting}".encode())
        connection = PostgresConnection(uri)
        assert connection.execute("SHOW synchronous_commit").fetchone() == (effective,)
        connection.close()


def test_a_statement_that_was_to_be_prepared_after_an_error_is_not_taken_for_prepared(
    uri: str,
) -> None:
    statement = "SELECT ?::int + 1"
    with contextlib.closing(PostgresConnection(uri)) as connection:
        for _ in range(2):
            with connection.pipelined():
                connection.execute("BEGIN")
                connection.execute("SAVEPOINT operation")
                for _ in range(5):
                    assert connection.execute(statement, (1,)).fetchone() == (2,)
                # Either may raise, depending on how soon the server's answer is there.
                with contextlib.suppress(psycopg.errors.DivisionByZero):
                    connection.execute("SELECT 1 / 0")
                    connection.execute(statement, (1,))  # the one to be prepared
                connection.recover()
                connection.execute("ROLLBACK TO operation")
                assert connection.execute(statement, (2,)).fetchone() == (3,)
                connection.execute("COMMIT")


async def test_relaxed_commits_do_not_wait(uri: str) -> None:
    database = PostgresDatabase(uri, relaxed=True)
    show = "SHOW synchronous_commit"
    assert await database.write(lambda c: c.execute(show).fetchone()) == ("off",)
    database.close()


@pytest.mark.parametrize(
    "value", [1 << 63, -(1 << 63) - 1, 1 << 70], ids=["above", "below", "far above"]
)
async def test_a_number_out_of_range_is_mlflow_s_to_answer(
    database: PostgresDatabase, value: int
) -> None:
    with pytest.raises(NotServedError):
        await database.write(lambda c: c.execute("UPDATE numbers SET n = ?", (value,)))


async def test_a_text_that_postgresql_cannot_hold_is_mlflow_s_to_answer(
    database: PostgresDatabase,
) -> None:
    with pytest.raises(NotServedError):
        await database.write(lambda c: c.execute("INSERT INTO numbers VALUES (?, 0)", ("a\0b",)))


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://nobody@127.0.0.1:1/x",
        "postgresql://nobody:secret@127.0.0.1:1/x?connect_timeout=2",
    ],
)
def test_a_server_that_is_not_there_is_one_clear_line_without_password(uri: str) -> None:
    with pytest.raises(SchemaError, match=r"nobody@127.0.0.1:1/x cannot be opened") as caught:
        prepare_postgres.inspect(uri, RELEASE)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_database_of_others_is_refused(uri: str) -> None:
    with pytest.raises(SchemaError, match="is not an MLflow database"):
        prepare_postgres.inspect(uri, RELEASE)


def test_preparing_an_empty_database(postgres: Postgres, postgres_template: str) -> None:
    empty = postgres.create()
    assert prepare_postgres.inspect(empty, RELEASE) is SchemaState.EMPTY
    current = postgres.create(template=postgres_template)
    assert prepare_postgres.inspect(current, RELEASE) is SchemaState.CURRENT
    with psycopg.connect(current, autocommit=True) as connection:
        found = connection.execute("SELECT experiment_id, artifact_location FROM experiments")
        assert found.fetchall() == [(0, "mlflow-artifacts:/0")]
        for table in ("headwater_alembic_version", *OWN_TABLES):
            connection.execute(f"DROP TABLE {table} CASCADE".encode())
    assert prepare_postgres.inspect(current, RELEASE) is SchemaState.NEEDS_MIGRATION
    prepare_postgres.migrate(current)
    assert prepare_postgres.inspect(current, RELEASE) is SchemaState.CURRENT
    postgres.drop(current)
    postgres.drop(empty)


@pytest.mark.parametrize(
    ("statement", "read_only", "translated"),
    [
        ("SELECT ? WHERE x = ?", True, "SELECT $1 WHERE x = $2"),
        ("""SELECT '?', "a?" LIKE '%' || ?""", True, """SELECT '?', "a?" LIKE '%' || $1"""),
        (runs._LIFECYCLE, True, runs._LIFECYCLE.replace("?", "$1")),
        ("SELECT 1 /* lock row */", False, "SELECT 1 FOR NO KEY UPDATE"),
    ],
)
def test_statements_are_translated(statement: str, read_only: bool, translated: str) -> None:
    assert _translated(statement, read_only) == translated


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql://me:secret@host:1234/db?sslmode=require", "postgresql://me@host:1234/db"),
        ("headwater+postgresql://host/db", "postgresql://host/db"),
        ("postgresql+psycopg2://me@/db?host=/run/x&password=secret", "postgresql://me@/db"),
    ],
)
def test_a_uri_is_shown_without_password(uri: str, shown: str) -> None:
    assert shown_uri(uri) == shown
