"""However the tables are read, a search finds the same runs in the same order."""

import random
from itertools import cycle

import pytest
from tests.contracts.conftest import Backend

from headwater.entities.search import Page, RunSearch
from headwater.mlflow_release import installed_release
from headwater.storage.metadata import find_runs as finding
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.find_runs import find_runs
from headwater.storage.metadata.search_runs import runs_statement
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
