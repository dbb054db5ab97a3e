"""A run is settled beside writers in other processes: the order never keeps a value of before."""

import asyncio
import concurrent.futures
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from tests.postgres import Postgres

from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.postgres import PostgresDatabase
from headwater.storage.metadata.settle_runs import settle_runs

RUN = "a" * 32
CHANGE = "UPDATE latest_metrics SET value = value + 1"
SETTLED_VALUES = "SELECT value FROM headwater_metric_order"
UNSETTLED = "SELECT run_uuid FROM headwater_unsettled_runs"


@pytest.fixture
def uri(postgres: Postgres, postgres_template: str) -> Iterator[str]:
    uri = postgres.create(template=postgres_template)
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO runs (run_uuid, experiment_id, status, lifecycle_stage)"
            f" VALUES ('{RUN}', 0, 'FINISHED', 'active')"
        )
        connection.execute(
            "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid)"
            f" VALUES ('loss', 1, 0, 0, false, '{RUN}')"
        )
    yield uri
    postgres.drop(uri)


@pytest.fixture
def writer(uri: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(uri) as connection:
        yield connection


@pytest.fixture
async def database(uri: str) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(uri)
    yield database
    database.close()


async def settle(database: PostgresDatabase) -> int:
    return await database.write(lambda connection: settle_runs(connection, 0), long=True)


async def column(database: PostgresDatabase, statement: str) -> list[Any]:
    def read(connection: Connection) -> list[Any]:
        return [row[0] for row in connection.execute(statement)]

    return await database.read(read)


def is_blocked(writer: psycopg.Connection[Any], connection: Connection) -> bool:
    statement = "SELECT cardinality(pg_blocking_pids(CAST(? AS integer)))"
    return bool(connection.execute(statement, (writer.info.backend_pid,)).fetchone()[0])


async def test_a_run_that_is_being_written_to_is_left_for_later(
    database: PostgresDatabase, writer: psycopg.Connection[Any]
) -> None:
    writer.execute(CHANGE)
    assert await settle(database) == 0
    writer.commit()
    assert await settle(database) == 1
    assert await column(database, SETTLED_VALUES) == [2.0]


async def test_who_writes_to_a_run_that_is_being_settled_marks_it_anew(
    database: PostgresDatabase, writer: psycopg.Connection[Any]
) -> None:
    writes: list[concurrent.futures.Future[None]] = []

    async def write() -> None:
        await asyncio.to_thread(writer.execute, CHANGE)
        await asyncio.to_thread(writer.commit)

    def settle_while_writing(connection: Connection) -> int:
        settled = settle_runs(connection, 0)
        writes.append(asyncio.run_coroutine_threadsafe(write(), loop))
        while not (writes[0].done() or is_blocked(writer, connection)):
            time.sleep(0.01)
        return settled

    loop = asyncio.get_running_loop()
    assert await database.write(settle_while_writing, long=True) == 1
    await asyncio.wrap_future(writes[0])
    assert await column(database, UNSETTLED) == [RUN]
    assert await column(database, SETTLED_VALUES) == []
    assert await settle(database) == 1
    assert await column(database, SETTLED_VALUES) == [2.0]
