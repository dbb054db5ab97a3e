"""Filters and orderings beyond MLflow's find what they say: on every backend."""

import math

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from tests.contracts.conftest import Backend
from tests.contracts.run_filters import DURATION, FILTERS, STATISTIC_FIELDS, Field, Filter
from tests.contracts.run_model import NOW, ModelRun, random_runs, store

from headwater.entities.search import Page
from headwater.mlflow_release import behaviour_of
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.find_runs import find_runs
from headwater.storage.metrics.series_facts import series_facts
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
