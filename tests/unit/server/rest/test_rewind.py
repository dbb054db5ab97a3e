"""POST headwater/metrics/rewind and headwater/metrics/delete, as a client meets them."""

import json
from typing import Any

import pytest
from tests.asgi import call
from tests.unit.server.rest.test_ingest import RUN, frame, front, send

from headwater.server.app import Front

__all__ = ["front"]
API = "/api/2.0/headwater/metrics"
HEADERS = {"host": "localhost:5000", "content-type": "application/json"}


async def post(front: Front, verb: str, body: Any) -> tuple[int, Any]:
    answer = await call(front, "POST", f"{API}/{verb}", HEADERS, [json.dumps(body).encode()])
    return answer.status, json.loads(answer.body)


async def test_points_after_a_step_go_then_the_metric(front: Front) -> None:
    await send(front, frame(1, 10))
    rewound = await post(front, "rewind", {"run_id": RUN, "after_step": 3})
    assert rewound == (200, {"metrics": [{"key": "loss", "deleted": 6, "last_step": 3}]})
    deleted = await post(front, "delete", {"run_id": RUN, "keys": ["loss", "acc"]})
    assert deleted == (200, {"metrics": [{"key": "loss", "deleted": 4, "last_step": None}]})


@pytest.mark.parametrize(
    ("verb", "body", "text"),
    [
        ("rewind", {"run_id": RUN}, "after_step"),
        ("rewind", {"run_id": RUN, "after_step": "3"}, "after_step"),
        ("rewind", {"run_id": RUN, "after_step": 2**63 - 1}, "after_step"),
        ("rewind", {"run_id": RUN, "after_step": 1, "keys": []}, "keys"),
        ("rewind", {"run_id": RUN, "after_step": 1, "key": "loss"}, "key"),
        ("rewind", {"run_id": "../x", "after_step": 1}, "run id"),
        ("delete", {"run_id": RUN}, "keys"),
        ("delete", {"run_id": RUN, "keys": ["k"] * 1_001}, "1001"),
        ("delete", [], "body"),
    ],
)
async def test_what_is_wrong_is_named(front: Front, verb: str, body: Any, text: str) -> None:
    status, answer = await post(front, verb, body)
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert text in answer["message"]


async def test_an_unknown_run_is_not_found(front: Front) -> None:
    status, answer = await post(front, "rewind", {"run_id": "f" * 32, "after_step": 0})
    assert (status, answer["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
