"""The requests that move things and save searches: what is wrong is named."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from headwater.errors import InvalidParameterError
from headwater.wire.list_projects import ListProjectsRequest, decode_list_projects
from headwater.wire.move_experiments import decode_move_experiments
from headwater.wire.move_project import decode_move_project
from headwater.wire.move_runs import MoveRunsRequest, decode_move_runs
from headwater.wire.saved_search import (
    decode_create_saved_search,
    decode_delete_saved_search,
    decode_get_saved_search,
    decode_list_saved_searches,
    decode_update_saved_search,
)


def test_children_go_along_unless_it_says_otherwise() -> None:
    assert decode_move_runs(b'{"run_ids": ["r"], "experiment_id": "1"}') == MoveRunsRequest(
        ["r"], "1", True
    )
    body = b'{"run_ids": ["r"], "experiment_id": "1", "children": false}'
    assert decode_move_runs(body) == MoveRunsRequest(["r"], "1", False)


def test_the_whole_tree_of_active_experiments_is_asked_for_by_nothing() -> None:
    assert decode_list_projects(b"") == ListProjectsRequest("", ("active",), False)
    asked = decode_list_projects(b"path=a%2Fb&view_type=ALL&experiments=true")
    assert asked == ListProjectsRequest("a/b", ("active", "deleted"), True)


@pytest.mark.parametrize(
    ("decode", "message", "text"),
    [
        (decode_move_runs, [], "object"),
        (decode_move_runs, {"run_ids": ["r"]}, "experiment_id"),
        (decode_move_runs, {"run_ids": ["r"], "experiment_id": 1}, r"\$\.experiment_id"),
        (decode_move_runs, {"run_ids": [], "experiment_id": "1"}, "'run_ids'"),
        (decode_move_runs, {"run_ids": ["r"] * 10_001, "experiment_id": "1"}, "10,001"),
        (decode_move_runs, {"run_ids": ["r"], "experiment_id": "1", "child": True}, "child"),
        (decode_move_experiments, {"experiment_ids": [], "project": ""}, "'experiment_ids'"),
        (decode_move_experiments, {"experiment_ids": ["1"]}, "project"),
        (decode_move_project, {"path": "a"}, "to"),
        (decode_create_saved_search, {"filter": ""}, "name"),
        (decode_create_saved_search, {"name": "a", "order_by": "x"}, "order_by"),
        (decode_create_saved_search, {"name": "a", "scope": "x"}, "scope"),
        (decode_update_saved_search, {"name": "a"}, "search_id"),
        (decode_update_saved_search, {"search_id": "a", "project": "b"}, "project"),
        (decode_delete_saved_search, {}, "search_id"),
    ],
)
def test_a_body_that_does_not_fit_is_refused(
    decode: Callable[[bytes], object], message: Any, text: str
) -> None:
    with pytest.raises(InvalidParameterError, match=text):
        decode(json.dumps(message).encode())


@pytest.mark.parametrize(
    ("decode", "query", "text"),
    [
        (decode_list_projects, b"project=a", "known are path, view_type, experiments"),
        (decode_list_projects, b"path=a&path=b", "'path' occurs twice"),
        (decode_list_projects, b"path=%ff", "UTF-8"),
        (decode_list_projects, b"view_type=active", "'active' is none of ACTIVE_ONLY"),
        (decode_list_projects, b"experiments=1", "'experiments'"),
        (decode_get_saved_search, b"", "'search_id'"),
        (decode_list_saved_searches, b"name=a", "known are project, experiment_id"),
    ],
)
def test_a_query_that_does_not_fit_is_refused(
    decode: Callable[[bytes], object], query: bytes, text: str
) -> None:
    with pytest.raises(InvalidParameterError, match=text):
        decode(query)
