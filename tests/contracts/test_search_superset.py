"""Filters and orderings beyond MLflow's find what they say: on every backend."""

import math

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from tests.contracts.conftest import Backend
from tests.contracts.run_filters import DURATION, FILTERS, STATISTIC_FIELDS, Field, Filter
from tests.contracts.run_model import NOW, ModelRun, random_runs, store

from headwater.entities.search import Page
from headwater.errors import InvalidParameterError
from headwater.mlflow_release import behaviour_of
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.find_runs import find_runs
from headwater.storage.metadata.search_experiments import find_experiments
from headwater.storage.metrics import series_facts as series_facts_module
from headwater.storage.metrics.series_facts import series_facts
from headwater.tracking.search_experiments import plan_search_experiments
from headwater.tracking.search_runs import plan_search_runs

_EXAMPLES = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
_RUNS = random_runs(3)


@pytest.fixture
async def populated(backend: Backend) -> Backend:
    await store(backend, _RUNS)
    return backend


def found(backend: Backend, text: str, order_by: list[str]) -> list[str]:
    search = plan_search_runs(
        ["0", "7"], ("active",), text, order_by, Page(0, 1000), behaviour_of("3.17"), NOW
    )

    def find(connection: Connection) -> list[str]:
        facts = series_facts(connection, search)
        return find_runs(connection, search, facts, nan_never_matches=True)

    return [run_id for run_id in backend.database.read_now(find) if run_id[0] == "0"]


async def test_filters_find_the_runs_that_satisfy_them(populated: Backend) -> None:
    @_EXAMPLES
    @given(FILTERS)
    def check(wanted: Filter) -> None:
        text, means = wanted
        note(text)
        expected = {run.run_id for run in _RUNS if not run.deleted and means(run, _RUNS)}
        # What is plain would be MLflow's to answer.
        assert set(found(populated, f"({text})", [])) == expected

    check()


async def test_orderings_sort_numbers_then_nan_then_what_is_missing(populated: Backend) -> None:
    @_EXAMPLES
    @given(st.one_of(STATISTIC_FIELDS, DURATION), st.booleans())
    def check(field: Field, ascending: bool) -> None:
        name, values = field
        note(name)

        def rank(run: ModelRun) -> tuple[int, float, int, str]:
            value = next(iter(values(run)), None)
            last = (-run.start_time, run.run_id)
            if value is None:
                return (2, 0.0, *last)
            if math.isnan(value):
                return (1, 0.0, *last)
            return (0, value if ascending else -value, *last)

        expected = [run.run_id for run in sorted(_RUNS, key=rank) if not run.deleted]
        order = f"{name} {'ASC' if ascending else 'DESC'}"
        assert found(populated, "", [order]) == expected

    check()


async def test_a_metric_of_the_name_hides_a_summary(populated: Backend) -> None:
    literal = found(populated, "metrics.`acc.max` > 0", ["metrics.`acc.max`"])
    assert literal
    assert found(populated, "metrics.acc.max > 0", ["metrics.acc.max"]) == literal
    assert found(populated, "metrics.`acc`.max > 0", []) == []
    assert found(populated, "metrics.loss.max > 0", []) != []


async def test_a_summary_that_needs_too_many_points_read_is_refused(
    populated: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series_facts_module, "_MOST_POINTS", 3)
    with pytest.raises(InvalidParameterError, match="headwater compact"):
        found(populated, "metrics.loss.max > 0", [])
    monkeypatch.undo()
    monkeypatch.setattr(series_facts_module, "_MOST_ROWS", 3)
    with pytest.raises(InvalidParameterError, match="headwater migrate"):
        found(populated, "metrics.loss.max > 0", [])


_OF_EXPERIMENTS = {
    "name = 'Default' OR tags.level > 1": ["Default", "b"],
    "NOT tags.level EXISTS": ["Default"],
    "tags.level IN (1, 2) AND NOT name = 'b'": ["a"],
    "tags.level NOT LIKE '2%'": ["a"],
    "name RLIKE '^[ab]$'": ["a", "b"],
    "experiment_id IN ('0', '8') AND (name = 'b' OR name = 'Default')": ["Default", "b"],
    "experiment_id BETWEEN 7 AND 9": ["a", "b"],
    "creation_time > now() - 1d": ["b"],
    "NOT creation_time > now() - 1d": ["Default", "a"],
    "last_update_time IS NULL": ["Default", "a", "b"],
}


async def test_experiments_are_found_by_the_superset(backend: Backend) -> None:
    def insert(connection: Connection) -> None:
        connection.execute("UPDATE experiments SET creation_time = NULL, last_update_time = NULL")
        for number, name, level, created in ((7, "a", "1", 5), (8, "b", "2.5e0", NOW - 1)):
            connection.execute(
                "INSERT INTO experiments (experiment_id, name, lifecycle_stage, workspace,"
                " creation_time) VALUES (?, ?, 'active', 'default', ?)",
                (number, name, created),
            )
            connection.execute(
                'INSERT INTO experiment_tags (experiment_id, "key", value) VALUES (?, ?, ?)',
                (number, "level", level),
            )

    def names(text: str) -> list[str]:
        search = plan_search_experiments(
            ("active",), text, ["name"], Page(0, 9), behaviour_of("3.17"), NOW
        )
        ids = backend.database.read_now(lambda connection: find_experiments(connection, search))
        return [{0: "Default", 7: "a", 8: "b"}[number] for number in ids]

    await backend.database.write(insert)
    assert {text: names(text) for text in _OF_EXPERIMENTS} == _OF_EXPERIMENTS


_PATTERNS = {
    "^(?:^)?a": True,
    "^a$|^b$": True,
    r"[\]a\-^]": True,
    r"[^\s]": True,
    "a{0}b": False,
    "(a|b){2,}": False,
    r"\*\.\\": False,
    "[.]": False,
    "a.*$": True,
}
"""Whether they match the text ``a``."""


async def test_unusual_patterns_are_understood_everywhere(backend: Backend) -> None:
    def insert(connection: Connection) -> None:
        connection.execute(
            "INSERT INTO tags (run_uuid, \"key\", value) VALUES (?, 'letter', 'a')",
            (backend.run_ids[0],),
        )

    def matches(pattern: str) -> bool:
        text = f"tags.letter RLIKE '{pattern}'"
        search = plan_search_runs(
            ["0"], ("active",), text, [], Page(0, 9), behaviour_of("3.17"), NOW
        )
        ids = backend.database.read_now(lambda c: find_runs(c, search, nan_never_matches=True))
        return ids == [backend.run_ids[0]]

    await backend.database.write(insert)
    assert {pattern: matches(pattern) for pattern in _PATTERNS} == _PATTERNS
