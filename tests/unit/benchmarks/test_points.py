"""Benchmark points: none twice, and every request says what the stock client says."""

import msgspec
import pytest
from benchmarks.points import Point, PointSource, log_batch, log_metric
from benchmarks.run_requests import RunRequests, run_id_in

RUN_ID = "ab" * 16


def _body(request: bytes) -> object:
    return msgspec.json.decode(request.split(b"\r\n\r\n", 1)[1])


def test_points_never_repeat_a_step_and_are_the_same_every_time() -> None:
    source, again = PointSource(1, keys=4), PointSource(1, keys=4)
    points = source.take(40) + source.take(40)
    assert points == again.take(80)
    assert len({(point.key, point.step) for point in points}) == 80


def test_points_must_fill_whole_steps() -> None:
    with pytest.raises(ValueError, match="do not divide"):
        PointSource(1, keys=3).take(10)


def test_requests_carry_the_points_exactly() -> None:
    point = Point("loss", 0.1 + 0.2, 1_700_000_000_000, 7)
    fields = {"key": "loss", "value": 0.1 + 0.2, "timestamp": 1_700_000_000_000, "step": 7}
    assert _body(log_batch(RUN_ID, [point])) == {"run_id": RUN_ID, "metrics": [fields]}
    assert _body(log_metric(RUN_ID, point)) == {"run_uuid": RUN_ID, "run_id": RUN_ID, **fields}


def test_run_id_is_put_in_without_changing_the_length() -> None:
    run = RunRequests(3, PointSource(1, keys=20).take(20))
    for request in [run.batch(RUN_ID.encode()), *run.singles(RUN_ID.encode())]:
        head, body = request.split(b"\r\n\r\n", 1)
        assert b"Content-Length: %d" % len(body) in head
        assert msgspec.json.decode(body)["run_id"] == RUN_ID
    assert len(run.singles(RUN_ID.encode())) == 40


@pytest.mark.parametrize(
    "answer",
    [
        b'{"run":{"info":{"run_id":"abc","status":"RUNNING"}}}',
        b'{"run": {"info": {"run_uuid": "xyz", "run_id": "abc"}}}',
    ],
)
def test_run_id_is_found_in_either_spelling(answer: bytes) -> None:
    assert run_id_in(answer) == b"abc"
