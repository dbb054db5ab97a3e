"""Searches for runs find what MLflow's own code finds, or are handed over to it."""

from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from tests.unit.tracking.filters import run_filters, run_orderings
from tests.unit.tracking.searched import EXPERIMENTS, RUN_IDS, Searched

from headwater.entities.search import Page
from headwater.errors import NotServedError
from headwater.mlflow_release import installed_release
from headwater.tracking.search_runs import plan_search_runs
from headwater.wire.page_token import encode_offset

_BEHAVIOUR = installed_release().behaviour
_SHARED = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@_SHARED
@given(
    st.fixed_dictionaries(
        {
            "experiment_ids": st.lists(st.sampled_from([*EXPERIMENTS, "99"]), min_size=1),
            "filter": run_filters(),
            "order_by": st.lists(run_orderings(), max_size=3, unique=True),
        },
        optional={
            "run_view_type": st.sampled_from(["ACTIVE_ONLY", "DELETED_ONLY", "ALL"]),
            "max_results": st.integers(1, 70),
            "page_token": st.sampled_from([1, 2, 20, 100]).map(encode_offset),
        },
    )
)
def test_finds_what_mlflow_finds(searched: Searched, message: dict[str, Any]) -> None:
    found = searched.search("search_runs", message)
    event("handed over" if found is None else "found" if found else "found none")


@_SHARED
@given(run_filters(conditions=1), run_orderings())
def test_one_condition_over_every_run(searched: Searched, text: str, ordering: str) -> None:
    message = {"experiment_ids": EXPERIMENTS, "run_view_type": "ALL"}
    searched.search("search_runs", message | {"filter": text, "order_by": [ordering]})
    event("native" if searched.natively else "handed over")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "metrics.acc > 0.5",
        "metrics.acc>=0.5 and metrics.`val loss` < 1e-3",
        'metric."a.b" != -1.5',
        "metrics.a.b = 7",
        "params.lr = '0.1'",
        'parameters.lr LIKE "0.%"',
        "param.team ilike 'ABC%' AND tags.mlflow.runName != 'x'",
        "tags.`mlflow.runName` LIKE '%a_b%'",
        "tag.team IS NULL and params.team is not null",
        "status = 'FINISHED'",
        "attributes.status != 'FAILED' AND attributes.end_time > 0",
        "attribute.start_time >= 1000 and Created < 2000",
        "start_time > 1999.5 AND end_time != 5e3",
        "run_name = 'abc' and attr.user_id = 'me'",
        "attributes.`run name` ILIKE 'a%'",
        f"run_id = '{RUN_IDS[0]}'",
        f"run_id IN ('{RUN_IDS[0]}')",
        f"attributes.run_id NOT IN ('{RUN_IDS[0]}', '{RUN_IDS[1]}')",
        "artifact_uri LIKE 'mlflow-artifacts:/%'",
        "dataset.name IN ('data1') AND dataset.digest IN ('di1','di3')",
        "dataset.context in ('Train', 'eval') and run_id NOT IN ('a', '7', 'B')",
        "datasets.context = 'train' and datasets.name LIKE 'data%'",
        "params.é = 'É'".replace("é", '"é"'),
        " metrics.loss <= 0.5\nAND\n\ttags.team = 'abc' ",
    ],
)
def test_ordinary_filters_are_native(searched: Searched, text: str) -> None:
    searched.native("search_runs", {"experiment_ids": EXPERIMENTS, "filter": text})


@pytest.mark.parametrize(
    "texts",
    [
        [],
        ["attributes.start_time DESC"],
        ["start_time ASC"],
        ["metrics.acc DESC", "params.lr", "tags.`mlflow.runName` asc"],
        ["metrics.`val loss` DESC", 'metrics."a.b"'],
        ["Created desc", "status", "run_name DESC", "end_time"],
        ["attribute.artifact_uri", "attributes.user_id DESC", "run_id"],
    ],
)
def test_ordinary_orderings_are_native(searched: Searched, texts: list[str]) -> None:
    searched.native(
        "search_runs", {"experiment_ids": EXPERIMENTS, "order_by": texts, "run_view_type": "ALL"}
    )


def test_pages_join_to_the_whole(searched: Searched) -> None:
    message = {"experiment_ids": EXPERIMENTS, "run_view_type": "ALL", "order_by": ["metrics.acc"]}
    whole = searched.native("search_runs", message)["runs"]
    pages: list[Any] = []
    token = None
    while token is not None or not pages:
        page = searched.native("search_runs", message | {"max_results": 25, "page_token": token})
        pages.extend(page["runs"])
        token = page.get("next_page_token")
    assert pages == whole
    assert len(whole) == len(RUN_IDS)


def test_exactly_full_page_has_no_successor(searched: Searched) -> None:
    message = {"experiment_ids": EXPERIMENTS, "run_view_type": "ALL", "max_results": len(RUN_IDS)}
    assert "next_page_token" not in searched.native("search_runs", message)


def test_null_means_absent(searched: Searched) -> None:
    message = dict.fromkeys(["filter", "order_by", "page_token", "run_view_type"])
    assert searched.native("search_runs", {"experiment_ids": ["1"], **message})["runs"]
    assert searched.native("search_runs", {}) == {}


@pytest.mark.parametrize(
    "message",
    [
        {"max_results": 0},
        {"max_results": 50_001},
        {"max_results": None},
        {"max_results": "10"},
        {"page_token": "eyJvZmZzZXQiOiAwfQ=="},
        {"page_token": "nonsense"},
        {"experiment_ids": ["one"]},
        {"experiment_ids": "1"},
        {"experiment_ids": [1]},
        {"run_view_type": "SOME"},
        {"order_by": ["metrics.acc", "metrics.`acc` DESC"]},
        {"order_by": ["dataset.name"]},
        {"order_by": [" start_time"]},
        {"filter": "metrics.acc > 'x'"},
        {"filter": "params.in = 'x'"},
        {"filter": "params.lr = 'it''s'"},
        {"filter": "params.lr = 'a\\'b'"},
        {"filter": "start_time > 1e99"},
        {"filter": "start_time > 9223372036854775808"},
        {"filter": "lifecycle_stage = 'active'"},
        {"filter": "   "},
        {"filter": " AND ".join(["metrics.acc > 0"] * 41)},
        {"unknown": 1},
    ],
)
def test_unusual_requests_are_handed_over(searched: Searched, message: dict[str, Any]) -> None:
    assert searched.search("search_runs", {"experiment_ids": ["1"]} | message) is None


def test_too_many_experiments_are_handed_over() -> None:
    with pytest.raises(NotServedError):
        plan_search_runs(["1"] * 10_001, ("active",), "", [], Page(0, 1), _BEHAVIOUR, 0)
