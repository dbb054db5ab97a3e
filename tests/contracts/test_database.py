"""What every metadata database guarantees."""

import asyncio

import pytest
from tests.contracts.conftest import Backend

from headwater.errors import DatabaseError, NotServedError
from headwater.storage.metadata.base import Connection, Operation

SET_TAG = "INSERT INTO tags (run_uuid, key, value) VALUES (?, ?, ?)"
COUNT_TAGS = "SELECT count(*) FROM tags"


def insert_tag(run_id: str, key: str) -> Operation[None]:
    def operation(connection: Connection) -> None:
        connection.execute(SET_TAG, (run_id, key, "x"))

    return operation


def count_tags(connection: Connection) -> int:
    (count,) = connection.execute(COUNT_TAGS).fetchone()
    return int(count)


async def test_a_write_is_visible_once_it_returned(backend: Backend) -> None:
    await backend.database.write(insert_tag(backend.run_ids[0], "a"))
    assert await backend.database.read(count_tags) == 1
    assert backend.database.read_now(count_tags) == 1


async def test_a_write_returns_its_operations_result(backend: Backend) -> None:
    assert await backend.database.write(lambda _: "result") == "result"


async def test_an_operation_that_raises_leaves_nothing_and_spoils_no_other(
    backend: Backend,
) -> None:
    def fail(connection: Connection) -> None:
        insert_tag(backend.run_ids[0], "half")(connection)
        raise ValueError("no")

    writes = [backend.database.write(insert_tag(backend.run_ids[0], f"k{i}")) for i in range(20)]
    writes.insert(10, backend.database.write(fail))
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(result) for result in results if result is not None] == [ValueError]
    assert await backend.database.read(count_tags) == 20


async def test_a_refused_constraint_is_mlflows_to_word(backend: Backend) -> None:
    await backend.database.write(insert_tag(backend.run_ids[0], "a"))
    with pytest.raises(NotServedError):
        await backend.database.write(insert_tag(backend.run_ids[0], "a"))
    with pytest.raises(NotServedError):
        await backend.database.write(insert_tag("d" * 32, "foreign key"))
    assert await backend.database.read(count_tags) == 1


async def test_a_read_sees_one_snapshot(backend: Backend) -> None:
    loop = asyncio.get_running_loop()

    def count_around_a_write(connection: Connection) -> tuple[int, int]:
        before = count_tags(connection)
        write = backend.database.write(insert_tag(backend.run_ids[0], "a"))
        asyncio.run_coroutine_threadsafe(write, loop).result(timeout=10)
        return before, count_tags(connection)

    assert await backend.database.read(count_around_a_write) == (0, 0)
    assert await backend.database.read(count_tags) == 1


async def test_a_reader_cannot_write(backend: Backend) -> None:
    with pytest.raises(DatabaseError, match=r"read-?only"):
        await backend.database.read(insert_tag(backend.run_ids[0], "a"))


async def test_a_caller_that_went_away_does_not_stop_the_writer(backend: Backend) -> None:
    write = asyncio.ensure_future(backend.database.write(insert_tag(backend.run_ids[0], "a")))
    await asyncio.sleep(0)
    write.cancel()
    await backend.database.write(insert_tag(backend.run_ids[0], "b"))
    assert await backend.database.read(count_tags) == 2


async def test_like_is_case_sensitive_as_on_mlflows_connections(backend: Backend) -> None:
    assert await backend.database.read(
        lambda connection: connection.execute("SELECT 'A' LIKE 'a', 'a' LIKE 'a'").fetchone()
    ) == (0, 1)


async def test_closing_finishes_the_writes_under_way(backend: Backend) -> None:
    writes = [
        asyncio.ensure_future(backend.database.write(insert_tag(backend.run_ids[0], f"k{i}")))
        for i in range(50)
    ]
    await asyncio.sleep(0)
    backend.database.close()
    assert await asyncio.gather(*writes) == [None] * 50
