"""GET headwater/runs/capture, runs/diff and runs/output, as a client meets them."""

import json
from typing import Any

import pytest
from tests.asgi import call
from tests.contracts.test_run_capture import told
from tests.unit.server.rest.test_ingest import RUN, front, send

from headwater.server.app import Front
from headwater.wire.ingest import encode_frame
from headwater.wire.operations import AppendOutput, CaptureRun

__all__ = ["front"]
API = "/api/2.0/headwater/runs"
HEADERS = {"host": "localhost:5000"}
UNKNOWN = "f" * 32


async def get(front: Front, path: str) -> tuple[int, Any]:
    answer = await call(front, "GET", f"{API}/{path}", HEADERS)
    return answer.status, json.loads(answer.body)


async def test_what_a_run_has_captured_is_answered(front: Front) -> None:
    operations = (
        CaptureRun(run_id=RUN, captured=told("node0"), diff=b"\xff patch"),
        AppendOutput(run_id=RUN, text="epoch 1\n"),
    )
    await send(front, encode_frame("c" * 32, 1, [], operations))
    status, found = await get(front, f"capture?run_id={RUN}")
    [each] = found["captures"]
    assert (status, each["rank"]) == (200, 0)
    assert each["captured"]["host"]["name"] == "node0"
    diff = await call(front, "GET", f"{API}/diff?run_id={RUN}", HEADERS)
    assert (diff.status, diff.body) == (200, b"\xff patch")
    assert ("content-type", "text/x-diff") in diff.headers
    assert await get(front, f"output?run_id={RUN}&start=-5&max_bytes=4") == (
        200,
        {"status": "RUNNING", "ranks": [0], "start": 3, "text": "ch 1", "after": 7, "end": 8},
    )


@pytest.mark.parametrize(
    ("path", "status", "named"),
    [
        ("capture", 400, "run_id"),
        (f"capture?run_id={RUN}&rank=1", 400, "rank"),
        (f"capture?run_id={UNKNOWN}", 404, UNKNOWN),
        ("diff?rank=0", 400, "run_id"),
        (f"diff?run_id={RUN}&rank=x", 400, "rank"),
        (f"diff?run_id={RUN}&rank=7", 404, "Rank 7"),
        ("output", 400, "run_id"),
        (f"output?run_id={RUN}&rank=-1", 400, "rank"),
        (f"output?run_id={RUN}&start=1.5", 400, "start"),
        (f"output?run_id={RUN}&max_bytes=3", 400, "max_bytes"),
        (f"output?run_id={RUN}&max_bytes=9999999", 400, "max_bytes"),
        (f"output?run_id={UNKNOWN}", 404, UNKNOWN),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    front: Front, path: str, status: int, named: str
) -> None:
    found, answer = await get(front, path)
    assert found == status
    assert named in answer["message"]
