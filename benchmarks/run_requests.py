"""The requests with which the stock client creates a run and fills it."""

from collections.abc import Sequence

import msgspec

from benchmarks.client import encode
from benchmarks.points import API, Point
from benchmarks.read_back import WRITTEN_EXPERIMENT

ENTRIES = 20
"""Metrics and params of one run."""

_RUN_ID_PLACE = "0" * 32


class RunRequests:
    """The requests that create one run and fill it; the run id is put in when it is known."""

    def __init__(
        self, number: int, points: Sequence[Point], experiment: str = WRITTEN_EXPERIMENT
    ) -> None:
        self.points = points
        self.params = {f"param_{entry}": f"value {number % 7}" for entry in range(ENTRIES)}
        self.create = _post("create", _creation(number, experiment))
        params = [{"key": key, "value": value} for key, value in self.params.items()]
        self._batch = _fillable(
            _post("log-batch", {"run_id": _RUN_ID_PLACE, "metrics": points, "params": params})
        )
        self._singles = [
            *(_fillable(_post("log-metric", _metric(point))) for point in points),
            *(_fillable(_post("log-parameter", {**_named_run(), **param})) for param in params),
        ]

    def batch(self, run_id: bytes) -> bytes:
        """Return one log-batch with everything."""
        return run_id.join(self._batch)

    def singles(self, run_id: bytes) -> list[bytes]:
        """Return one log-metric or log-parameter for each entry."""
        return [run_id.join(parts) for parts in self._singles]


def run_id_in(body: bytes) -> bytes:
    """Return the run id of a create answer without decoding all of it."""
    start = body.index(b'"', body.index(b":", body.index(b'"run_id"'))) + 1
    return body[start : body.index(b'"', start)]


def _creation(number: int, experiment: str) -> dict[str, object]:
    tags = {
        "mlflow.user": "researcher",
        "mlflow.source.name": "train.py",
        "mlflow.source.type": "LOCAL",
        "mlflow.runName": f"sweep-{number}",
    }
    return {
        "experiment_id": experiment,
        "user_id": "researcher",
        "run_name": f"sweep-{number}",
        "start_time": 1_700_000_000_000 + number,
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
    }


def _named_run() -> dict[str, str]:
    return {"run_uuid": _RUN_ID_PLACE, "run_id": _RUN_ID_PLACE}


def _metric(point: Point) -> dict[str, object]:
    fields: dict[str, object] = msgspec.to_builtins(point)
    return {**_named_run(), **fields}


def _post(verb: str, body: dict[str, object]) -> bytes:
    return encode("POST", f"{API}/runs/{verb}", msgspec.json.encode(body))


def _fillable(request: bytes) -> list[bytes]:
    return request.split(_RUN_ID_PLACE.encode())
