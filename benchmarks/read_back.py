"""Creating runs and reading back what was written, through the same REST API."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec

from benchmarks.client import Address, Connection, encode
from benchmarks.points import API, Point

WRITTEN_EXPERIMENT = "2"
"""The experiment of the template that benchmarks write to."""


class ReadBackError(Exception):
    """What was read is not what was written."""


class _History(msgspec.Struct):
    metrics: list[Point] = []


def create_run(connection: Connection) -> str:
    """Create an empty run; return its id."""
    body = msgspec.json.encode(
        {"experiment_id": WRITTEN_EXPERIMENT, "start_time": 1_700_000_000_000}
    )
    answer: dict[str, Any] = msgspec.json.decode(
        connection.fetch(encode("POST", f"{API}/runs/create", body))
    )
    return str(answer["run"]["info"]["run_id"])


def history_request(run_id: str, key: str) -> bytes:
    """Return a request for the whole history of a metric."""
    return encode("GET", f"{API}/metrics/get-history?run_id={run_id}&metric_key={key}")


def decode_history(body: bytes) -> list[Point]:
    """Return the points of a get-history answer."""
    return msgspec.json.decode(body, type=_History).metrics


def require_equal(expected: object, found: object, what: str) -> None:
    """Raise if a server returned something else than what was written."""
    if expected == found:
        return
    if isinstance(expected, list) and isinstance(found, list):
        pairs = zip(expected, found, strict=False)
        first = next((pair for pair in pairs if pair[0] != pair[1]), None)
        counts = f"{len(expected)} written, {len(found)} read"
        raise ReadBackError(f"{what}: {counts}; first difference {first}")
    raise ReadBackError(f"{what}: wrote {str(expected)[:300]}, read {str(found)[:300]}")


def verify_points(address: Address, run_id: str, points: Iterable[Point]) -> None:
    """Raise unless the run holds exactly these points; the source's order is MLflow's order."""
    expected: defaultdict[str, list[Point]] = defaultdict(list)
    for point in points:
        expected[point.key].append(point)
    with Connection(address) as connection:
        for key, written in expected.items():
            found = decode_history(connection.fetch(history_request(run_id, key)))
            require_equal(written, found, f"history of {key} in run {run_id}")


def verify_latest(address: Address, run_id: str, points: Iterable[Point]) -> None:
    """Raise unless these points, one a metric, are what the run has as its metrics."""
    with Connection(address) as connection:
        answer: dict[str, Any] = msgspec.json.decode(
            connection.fetch(encode("GET", f"{API}/runs/get?run_id={run_id}"))
        )
    found = msgspec.convert(answer["run"]["data"]["metrics"], list[Point])
    by_key = {point.key: point for point in found}
    require_equal({point.key: point for point in points}, by_key, f"metrics of run {run_id}")
