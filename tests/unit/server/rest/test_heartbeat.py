"""POST headwater/runs/heartbeat and runs/fail, GET metrics/ranks, as a client meets them."""

import json
from typing import Any

import pytest
from tests.asgi import call
from tests.unit.server.rest.test_ingest import RUN, frame, front, send

from headwater.server.app import Front

__all__ = ["front"]
API = "/api/2.0/headwater"
HEADERS = {"host": "localhost:5000", "content-type": "application/json"}
UNKNOWN = "f" * 32


async def post(front: Front, verb: str, body: Any) -> tuple[int, Any]:
    answer = await call(front, "POST", f"{API}/runs/{verb}", HEADERS, [json.dumps(body).encode()])
    return answer.status, json.loads(answer.body)


async def test_runs_are_heard_and_fail(front: Front) -> None:
    beat = {"run_ids": [RUN, UNKNOWN], "lost_after": 1_000}
    heard = await post(front, "heartbeat", beat)
    assert heard == (200, {"running": [RUN], "not_running": [UNKNOWN]})
    failure = {"run_ids": [RUN, UNKNOWN], "reason": "killed", "end_time": 7}
    assert await post(front, "fail", failure) == (200, {"failed": [RUN]})
    assert await post(front, "fail", failure) == (200, {"failed": []})


@pytest.mark.parametrize(
    ("verb", "body", "field"),
    [
        ("heartbeat", {"run_ids": [], "lost_after": 1}, "run_ids"),
        ("heartbeat", {"run_ids": ["no id"], "lost_after": 1}, "run_ids"),
        ("heartbeat", {"run_ids": [RUN], "lost_after": -1}, "lost_after"),
        ("heartbeat", {"run_ids": [RUN]}, "lost_after"),
        ("heartbeat", {"run_ids": [RUN], "lost_after": 1, "more": 1}, "more"),
        ("fail", {"run_ids": [RUN], "reason": "", "end_time": 1}, "reason"),
        ("fail", {"run_ids": [RUN], "reason": "r", "end_time": -1}, "end_time"),
    ],
)
async def test_what_cannot_be_is_refused_by_name(
    front: Front, verb: str, body: Any, field: str
) -> None:
    status, answer = await post(front, verb, body)
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert field in answer["message"]


async def ranks(front: Front, query: str) -> tuple[int, Any]:
    answer = await call(front, "GET", f"{API}/metrics/ranks?{query}", {"host": "localhost:5000"})
    return answer.status, json.loads(answer.body)


async def test_a_metric_of_one_process_is_that_of_rank_0(front: Front) -> None:
    await send(front, frame(1, 10))
    status, found = await ranks(front, f"run_id={RUN}&key=loss")
    assert (status, found["ranks"], found["count"]) == (200, [0], [1] * len(found["steps"]))


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("key=loss", 400, "run_id"),
        (f"run_id={RUN}", 400, "key"),
        (f"run_id={RUN}&key=loss&points=0", 400, "points"),
        (f"run_id={RUN}&key=loss&more=1", 400, "more"),
        (f"run_id={UNKNOWN}&key=loss", 404, UNKNOWN),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    front: Front, query: str, status: int, field: str
) -> None:
    found, answer = await ranks(front, query)
    assert found == status
    assert field in answer["message"]
