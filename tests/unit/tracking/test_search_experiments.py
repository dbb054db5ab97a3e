"""Searches for experiments find what MLflow's own code finds, or are handed over to it."""

from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from tests.unit.tracking.filters import experiment_filters, experiment_orderings
from tests.unit.tracking.searched import Searched

from headwater.mlflow_release import installed_release


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.fixed_dictionaries(
        {"max_results": st.integers(1, 5)},
        optional={
            "view_type": st.sampled_from(["ACTIVE_ONLY", "DELETED_ONLY", "ALL"]),
            "filter": experiment_filters(),
            "order_by": st.lists(experiment_orderings(), max_size=3),
        },
    ),
    st.sampled_from(["GET", "POST"]),
)
def test_finds_what_mlflow_finds(searched: Searched, message: dict[str, Any], method: str) -> None:
    found = searched.search("search_experiments", message, method=method)
    event("handed over" if found is None else "found" if found else "found none")


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "message",
    [
        {},
        {"view_type": "ALL"},
        {"order_by": ["name ASC", "last_update_time DESC"]},
        {"order_by": ["experiment_id"]},
        {"filter": "name = 'Alpha'"},
        {"filter": "attribute.name ILIKE '%alpha%' AND tags.team != 'x'", "page_token": ""},
        {"filter": "tag.`a b` IS NULL and creation_time >= 5"},
    ],
)
def test_ordinary_searches_are_native(
    searched: Searched, message: dict[str, Any], method: str
) -> None:
    searched.native("search_experiments", {"max_results": 1000} | message, method=method)


@pytest.mark.skipif(
    not installed_release().behaviour.filters_experiment_ids, reason="MLflow does not filter by id"
)
@pytest.mark.parametrize(
    "text", ["experiment_id = '1'", "attribute.experiment_id != '0'", "experiment_id IN ('1','2')"]
)
def test_filters_by_id_are_native(searched: Searched, text: str) -> None:
    assert searched.native("search_experiments", {"max_results": 9, "filter": text})


def test_pages_join_to_the_whole(searched: Searched) -> None:
    message = {"max_results": 2, "view_type": "ALL"}
    first = searched.native("search_experiments", message, method="GET")
    token = first["next_page_token"]
    rest = searched.native("search_experiments", message | {"page_token": token}, method="GET")
    assert "next_page_token" not in rest
    assert len(first["experiments"] + rest["experiments"]) == 4


@pytest.mark.parametrize(
    "message",
    [
        {"max_results": 0},
        {"max_results": 50_001},
        {"max_results": "1e3"},
        {"filter": "experiment_id > '1'"},
        {"filter": "experiment_id in ('1')"},
        {"filter": "experiment_id = 'one'"},
        {"filter": "name like 'a%'"},
        {"filter": "params.a = 'x'"},
        {"order_by": ["tags.a"]},
        {"view_type": "SOME"},
        {"page_token": "nonsense"},
        {"unknown": "1"},
    ],
)
def test_unusual_searches_are_handed_over(searched: Searched, message: dict[str, Any]) -> None:
    for method in ("GET", "POST"):
        sent = {"max_results": 10} | message
        assert searched.search("search_experiments", sent, method=method) is None


def test_the_size_of_a_page_is_required(searched: Searched) -> None:
    for method in ("GET", "POST"):
        assert searched.search("search_experiments", {"view_type": "ALL"}, method=method) is None
