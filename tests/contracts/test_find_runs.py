"""However the tables are read, a search finds the same runs in the same order.

And page after page, forwards and backwards, whatever comes and goes meanwhile.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import cycle, product

import pytest
from tests.contracts.conftest import Backend

from headwater.entities.metric import LARGEST
from headwater.entities.search import Page, RunSearch
from headwater.mlflow_release import installed_release
from headwater.storage.metadata import find_runs as finding
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.find_runs import find_runs
from headwater.storage.metadata.run_order import run_keys
from headwater.storage.metadata.search_runs import runs_statement
from headwater.storage.metadata.settle_runs import settle_runs
from headwater.storage.metrics.series_facts import series_facts
from headwater.tracking.run_key import check_key, with_start
from headwater.tracking.run_ordering import run_orderings
from headwater.tracking.search_runs import plan_search_runs

_RUNS = 120
_FILTERS = (
    "",
    "params.kind = 'k1'",
    "params.kind = 'k1' and metrics.loss > 0.3",
    "metrics.loss <= 0.5 and tags.team != 'blue' and params.seed LIKE 's1%'",
    f"params.long = '{'x' * 70}a'",
    "params.seed = 's7'",
    "tags.team = 'red' and metrics.acc = 0.5",
    "metrics.loss != 0.25",
    "params.kind = 'k1' OR metrics.loss < 0.2",
    "run_name = 'calm'",
    "attributes.status = 'RUNNING'",
)
_ORDERINGS = (
    (),
    ("metrics.loss DESC",),
    ("metrics.loss",),
    ("metrics.acc DESC", "metrics.loss"),
    ("metrics.acc", "params.kind DESC", "start_time ASC"),
    ("attributes.start_time ASC",),
    ("start_time DESC", "metrics.loss"),
    ("metrics.nothing", "metrics.acc"),
    ("params.kind", "metrics.loss DESC"),
    ("attributes.end_time",),
)
_PAGES = (Page(0, 7), Page(20, 30), Page(118, 5), Page(500, 5))


def _insert(connection: Connection) -> None:
    rng = random.Random(3)
    connection.execute(
        "INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (7, 'b', 'active')"
    )
    # MLflow gives every run one; PostgreSQL and SQLite sort those without to different ends.
    connection.execute("UPDATE runs SET start_time = 7")
    for number in range(_RUNS):
        run_id = f"{rng.getrandbits(128):032x}"
        start = rng.choice([5, 6, *range(10, 60)])
        connection.execute(
            "INSERT INTO runs (run_uuid, experiment_id, status, lifecycle_stage, start_time,"
            " end_time) VALUES (?, ?, ?, ?, ?, ?)",
            (
                *(run_id, rng.choice([0, 0, 7]), rng.choice(["RUNNING", "FINISHED"])),
                *(rng.choice(["active", "active", "deleted"]), start, rng.choice([None, 70, 80])),
            ),
        )
        metrics = {"loss": rng.random(), "acc": rng.choice([0.25, 0.5]), "other": 1.0}
        for key in rng.sample(sorted(metrics), 2):
            is_nan = rng.random() < 0.2
            connection.execute(
                "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid)"
                " VALUES (?, ?, 0, 0, ?, ?)",
                (key, 0.0 if is_nan else metrics[key], is_nan, run_id),
            )
        entries = [
            ("params", "kind", f"k{rng.randrange(3)}"),
            ("params", "seed", f"s{number}"),
            ("params", "long", "x" * 70 + rng.choice("ab")),
            ("tags", "team", rng.choice(["red", "blue"])),
            ("tags", "mlflow.runName", rng.choice(["calm", "wild"])),
        ]
        for table, key, value in rng.sample(entries, 4):
            connection.execute(
                f"INSERT INTO {table} (key, value, run_uuid) VALUES (?, ?, ?)",
                (key, value, run_id),
            )


def _search(filter_text: str, order_by: tuple[str, ...], page: Page) -> RunSearch:
    stages = ("active", "deleted") if page.limit > 5 else ("active",)
    experiments = ["0", "7"] if page.offset else ["0"]
    behaviour = installed_release().behaviour
    return plan_search_runs(experiments, stages, filter_text, order_by, page, behaviour, 0)


async def test_routes_agree_with_the_plain_statement(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "_FIRST_STRETCH", 5)
    database = backend.database
    await database.write(_insert)

    def compare(connection: Connection) -> None:
        pages = cycle(_PAGES)
        for search in [_search(f, o, next(pages)) for o in _ORDERINGS for f in _FILTERS]:
            statement, values = runs_statement(search, nan_never_matches=True)
            expected = [row[0] for row in connection.execute(statement, values)]
            for few in (0, 4):  # always walk; walk where there are more candidates
                monkeypatch.setattr(finding, "_FEW", few)
                monkeypatch.setattr(finding, "_MANY", 5 * few)
                found = find_runs(
                    connection,
                    search,
                    nan_never_matches=True,
                )
                assert found == expected, search

    await database.read(compare)


_PAGED = (
    *_ORDERINGS,
    ("duration DESC", "metrics.acc"),
    ("tags.team", "tags.`mlflow.runName` DESC", "start_time"),
    ("run_name", "status DESC"),
    ("metrics.loss.max DESC", "metrics.acc"),
    ("metrics.loss.first",),
)
_EDGES = {"loss": LARGEST, "acc": -LARGEST}


def _insert_edges(connection: Connection) -> None:
    """Add infinities and runs without a start time; put some values into their order."""
    for number in range(12):
        run_id = f"{number:032x}"
        connection.execute(
            "INSERT INTO runs (run_uuid, name, experiment_id, status, lifecycle_stage, start_time)"
            " VALUES (?, ?, 0, 'FAILED', 'active', ?)",
            (run_id, f"n{number % 3}", None if number % 2 else 20),
        )
        for key in list(_EDGES)[: number % 3]:
            connection.execute(
                "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid)"
                " VALUES (?, ?, 0, 0, ?, ?)",
                (key, _EDGES[key], False, run_id),
            )
    settle_runs(connection, 0)


def _keyed(filter_text: str, order_by: Sequence[str], size: int) -> RunSearch:
    """Plan as a table of runs does."""
    behaviour = installed_release().behaviour
    page = Page(0, size)
    planned = plan_search_runs(["0", "7"], ("active",), filter_text, (), page, behaviour, 0)
    return replace(planned, orderings=with_start(run_orderings(order_by)))


def _page(connection: Connection, search: RunSearch) -> list[str]:
    found = find_runs(connection, search, series_facts(connection, search), nan_never_matches=True)
    return found[: search.page.limit]


def _pages(connection: Connection, search: RunSearch) -> Iterator[list[str]]:
    """Yield page after page, each from where the last one ended."""
    while page := _page(connection, search):
        yield page
        facts = series_facts(connection, search)
        (key,) = run_keys(connection, search, facts, page[-1:])
        check_key(key, search.orderings)
        search = replace(search, beyond=key)


async def test_pages_join_to_the_whole_both_ways(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "_FIRST_STRETCH", 5)
    await backend.database.write(_insert)
    await backend.database.write(_insert_edges)

    def compare(connection: Connection) -> None:
        few = cycle((0, 4, 1000))
        for order_by, filter_text in product(
            _PAGED, ("", "metrics.loss <= 0.5", "tags.team != 'x'")
        ):
            monkeypatch.setattr(finding, "_FEW", next(few))
            monkeypatch.setattr(finding, "_MANY", 20)
            search = _keyed(filter_text, order_by, 17)
            whole = _page(connection, replace(search, page=Page(0, 1000)))
            assert len(whole) == len(set(whole)) > 10
            assert [run_id for page in _pages(connection, search) for run_id in page] == whole
            opposite = replace(search, backwards=True)
            back = [run_id for page in _pages(connection, opposite) for run_id in page]
            assert back[::-1] == whole, search

    await backend.database.read(compare)


class _UndoError(Exception):
    """Ends a write that is to leave nothing."""


async def test_runs_that_come_and_go_move_no_others_between_pages(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = backend.database
    monkeypatch.setattr(finding, "_FEW", 4)
    await database.write(_insert)
    await database.write(_insert_edges)

    def read(connection: Connection, order_by: Sequence[str], rng: random.Random) -> None:
        search = _keyed("", order_by, rng.choice([3, 11]))
        search = replace(search, backwards=rng.random() < 0.5)
        stayed = set(_page(connection, replace(search, page=Page(0, 1000))))
        seen: list[str] = []
        for page in _pages(connection, search):
            seen += page
            # That the page ended with may go, too.
            gone = rng.choice(sorted(stayed - set(seen[:-1])) or [None])
            connection.execute(
                "UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = ?", (gone,)
            )
            stayed.discard(str(gone))
            connection.execute(
                "INSERT INTO runs (run_uuid, experiment_id, status, lifecycle_stage, start_time)"
                " VALUES (?, 0, 'RUNNING', 'active', ?)",
                (f"{rng.getrandbits(128):032x}", rng.choice([None, 5, 20, 61])),
            )
        assert stayed <= set(seen)
        assert len(seen) == len(set(seen))
        raise _UndoError

    for number, order_by in enumerate(_PAGED):
        write = partial(read, order_by=order_by, rng=random.Random(100 + number))
        with pytest.raises(_UndoError):
            await database.write(write, long=True)
