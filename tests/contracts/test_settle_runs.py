"""The order of metrics holds the latest values of settled runs, whoever changes them."""

from collections.abc import Callable

import pytest
from tests.contracts.conftest import RUN_IDS, Backend

from headwater.errors import StatementTimeoutError
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.settle_runs import settle_runs

_INSERT = (
    "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) "
    "VALUES (?, ?, 0, 0, ?, ?)"
)
_ORDER = "SELECT key, value FROM headwater_metric_order WHERE run_uuid = ? ORDER BY key"
_LATEST = "SELECT key, value FROM latest_metrics WHERE run_uuid = ? ORDER BY key"
_UNSETTLED = "SELECT run_uuid FROM headwater_unsettled_runs"
_FIRST = RUN_IDS[0]


def _log(connection: Connection) -> None:
    connection.execute("UPDATE runs SET status = 'FINISHED'")
    rows = [("a", 1.0, False, _FIRST), ("b", 2.0, False, _FIRST), ("c", 0.0, True, _FIRST)]
    connection.executemany(_INSERT, rows)


def _change_one(connection: Connection) -> None:
    connection.execute("UPDATE latest_metrics SET value = 3 WHERE key = 'a'")


def _change_all(connection: Connection) -> None:
    connection.execute("UPDATE latest_metrics SET value = value + 5")


def _add(connection: Connection) -> None:
    connection.execute(_INSERT, ("d", 4.0, False, _FIRST))


def _delete_one(connection: Connection) -> None:
    connection.execute("DELETE FROM latest_metrics WHERE key = 'b'")


@pytest.mark.parametrize("change", [_change_one, _change_all, _add, _delete_one])
async def test_a_changed_run_leaves_the_order_and_comes_back(
    backend: Backend, change: Callable[[Connection], None]
) -> None:
    database = backend.database
    await database.write(_log)
    assert await database.write(lambda connection: settle_runs(connection, 0)) == 1
    for operation in (change, change if change is not _add else _delete_one):
        await database.write(operation)

        def look(connection: Connection) -> tuple[list[object], list[object], list[object]]:
            return (
                [tuple(row) for row in connection.execute(_ORDER, (_FIRST,))],
                [tuple(row) for row in connection.execute(_LATEST, (_FIRST,))],
                [row[0] for row in connection.execute(_UNSETTLED)],
            )

        order, latest, unsettled = await database.read(look)
        assert order == ([] if unsettled else latest)
        await database.write(lambda connection: settle_runs(connection, 0))
        order, latest, unsettled = await database.read(look)
        assert (order, unsettled) == (latest, [])


async def test_running_runs_stay_unsettled_for_a_while(backend: Backend) -> None:
    database = backend.database
    await database.write(lambda connection: connection.execute(_INSERT, ("a", 1.0, False, _FIRST)))
    assert await database.write(lambda connection: settle_runs(connection, 0)) == 0
    assert await database.write(lambda connection: settle_runs(connection, 1 << 40)) == 1


async def test_a_search_that_takes_too_long_is_stopped(backend: Backend) -> None:
    endless = (
        "WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted) "
        "SELECT count(*) FROM counted WHERE n < 0"
    )

    def search(connection: Connection) -> object:
        return connection.execute(endless).fetchall()

    with pytest.raises(StatementTimeoutError, match=r"0\.2 s"):
        await backend.database.search(search, 0.2)
    assert await backend.database.search(lambda _: 1, 5.0) == 1
