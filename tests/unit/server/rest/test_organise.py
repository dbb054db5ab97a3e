"""Projects, moves and saved searches, as a client meets them."""

import json
from typing import Any
from urllib.parse import urlencode

from tests.asgi import JSON, LOCAL, call
from tests.unit.server.rest.test_ingest import RUN, front

from headwater.server.app import Front

__all__ = ["front"]
API = "/api/2.0/headwater"


async def post(front: Front, path: str, body: Any, api: str = API) -> tuple[int, Any]:
    answer = await call(front, "POST", f"{api}/{path}", JSON, [json.dumps(body).encode()])
    return answer.status, json.loads(answer.body)


async def get(front: Front, route: str, **query: str) -> tuple[int, Any]:
    answer = await call(front, "GET", f"{API}/{route}?{urlencode(query)}", LOCAL)
    return answer.status, json.loads(answer.body)


async def test_a_run_moves(front: Front) -> None:
    _, made = await post(front, "experiments/create", {"name": "new"}, "/api/2.0/mlflow")
    where = made["experiment_id"]
    answer = {"experiment_id": where, "moved": [], "unchanged": [RUN], "models": 0, "traces": 0}
    status, done = await post(front, "runs/move", {"run_ids": [RUN], "experiment_id": where})
    moved = [{"run_id": RUN, "from_experiment_id": "0"}]
    assert (status, done) == (200, {**answer, "moved": moved, "unchanged": []})
    again = await post(front, "runs/move", {"run_ids": [RUN], "experiment_id": where})
    assert again == (200, answer)
    status, refused = await post(front, "runs/move", {"run_ids": ["f"], "experiment_id": where})
    assert (status, refused["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    status, refused = await post(front, "runs/move", {"run_ids": [RUN]})
    assert (status, refused["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "experiment_id" in refused["message"]


async def test_an_experiment_and_its_project_move(front: Front) -> None:
    body: dict[str, Any] = {"experiment_ids": ["0"], "project": "team/vision"}
    assert await post(front, "experiments/move", body) == (
        200,
        {"project": "team/vision", "experiment_ids": ["0"]},
    )
    assert await post(front, "projects/move", {"path": "team", "to": "lab"}) == (
        200,
        {
            "path": "team",
            "to": "lab",
            "experiments": [{"experiment_id": "0", "project": "lab/vision"}],
            "saved_searches": 0,
        },
    )
    status, tree = await get(front, "projects/list", path="lab/vision", experiments="true")
    (project,), (experiment,) = tree["projects"], tree["experiments"]
    assert (status, project["path"], project["runs"]) == (200, "lab/vision", 1)
    assert (experiment["name"], experiment["project"]) == ("Default", "lab/vision")
    status, tree = await get(front, "projects/list")
    assert [project["path"] for project in tree["projects"]] == ["", "lab", "lab/vision"]
    assert "experiments" not in tree
    status, refused = await get(front, "projects/list", path="team")
    assert (status, refused["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


async def test_a_search_is_saved_changed_and_deleted(front: Front) -> None:
    given = {"name": "best", "experiment_id": "0", "filter": "metrics.loss < 1"}
    status, saved = await post(front, "saved-searches/create", given)
    search = saved["saved_search"]
    assert (status, search) == (
        200,
        {
            **given,
            "search_id": search["search_id"],
            "project": None,
            "order_by": [],
            "columns": [],
            "created_at": search["created_at"],
            "updated_at": search["created_at"],
        },
    )
    status, refused = await post(front, "saved-searches/create", given)
    assert (status, refused["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")
    change = {"search_id": search["search_id"], "columns": ["metrics.loss"]}
    status, changed = await post(front, "saved-searches/update", change)
    assert changed["saved_search"]["columns"] == ["metrics.loss"]
    assert await get(front, "saved-searches/list", experiment_id="0") == (
        200,
        {"saved_searches": [changed["saved_search"]]},
    )
    name = {"search_id": search["search_id"]}
    assert await get(front, "saved-searches/get", **name) == (200, changed)
    assert await post(front, "saved-searches/delete", name) == (200, {})
    status, refused = await get(front, "saved-searches/get", **name)
    assert (status, refused["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
