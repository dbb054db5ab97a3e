"""Params and a metric of runs are read alike on every backend, and what matters is found."""

import json
from typing import Any

import numpy as np
import pytest
from tests.contracts.conftest import Backend
from tests.contracts.test_ingest import service_on

from headwater.entities.importance import Importance
from headwater.entities.metric import Points
from headwater.errors import InvalidParameterError, NotFoundError
from headwater.storage.metadata.base import Connection
from headwater.tracking.importance import importance
from headwater.wire.importance import decode_importance

RUNS = 40
LONG = "x" * 300


@pytest.fixture
async def sweep(backend: Backend) -> Backend:
    """The loss falls to a value that depends on lr alone; odd runs have another model."""

    def fill(connection: Connection) -> None:
        for number in range(RUNS):
            run_id = f"{number:032x}"
            connection.execute(
                "INSERT INTO runs (run_uuid, experiment_id, status, lifecycle_stage)"
                " VALUES (?, 0, 'FINISHED', 'active')",
                (run_id,),
            )
            params = {
                "lr": str(10.0 ** -(number % 5)),
                "noise": str(number * 7 % 11),
                "fixed": "adam",
                "note": LONG + ("a" if number % 3 else "b"),
            }
            if number % 2:
                params["model"] = "large"
            for key, value in params.items():
                connection.execute(
                    'INSERT INTO params (run_uuid, "key", value) VALUES (?, ?, ?)',
                    (run_id, key, value),
                )
            values = np.array([9.0, float(number % 5), 7.0 if number == 3 else float(number % 5)])
            if number == 4:
                values[-1] = np.nan
            backend.metrics.append(connection, run_id, _points(values))

    await backend.database.write(fill)
    return backend


def _points(values: np.ndarray[Any, np.dtype[np.float64]]) -> Points:
    count = len(values)
    steps = np.arange(count, dtype=np.int64)
    return Points(("loss",), np.zeros(count, np.int64), steps, steps, values)


async def asked(backend: Backend, **fields: object) -> Importance:
    body = {"metric": "loss", "trees": 20, **fields}
    return await importance(service_on(backend), decode_importance(json.dumps(body).encode()))


async def test_what_matters_is_found(sweep: Backend) -> None:
    found = await asked(sweep, reduction="min")
    empty = len(sweep.run_ids)
    assert (found.runs, found.unusable) == (RUNS, empty)
    assert found.r_squared > 0.9
    assert found.params[0].param == "lr"
    assert found.params[0].scale == "log"
    assert found.params[0].variance > 0.9
    kinds = {each.param: (each.kind, each.distinct, each.absent) for each in found.params}
    assert kinds == {
        "lr": ("number", 5, 0),
        "noise": ("number", 11, 0),
        "model": ("category", 2, RUNS // 2),
        "note": ("category", 2, 0),
    }
    assert [each.param for each in found.left_out] == ["fixed"]
    last = await asked(sweep)
    assert (last.runs, last.unusable) == (RUNS - 1, empty + 1)


async def test_runs_and_params_are_selected(sweep: Backend) -> None:
    found = await asked(sweep, filter="params.model = 'large'", params=["lr", "noise"])
    assert found.runs == RUNS // 2
    assert {each.param for each in found.params} == {"lr", "noise"}
    named = await asked(sweep, experiment_names=["Default"], reduction="min")
    assert named == await asked(sweep, experiment_ids=["0"], reduction="min")


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"metric": ""}, InvalidParameterError, "'metric'"),
        ({"metric": "acc"}, InvalidParameterError, "'metric'.*'acc'"),
        ({"params": ["none"]}, InvalidParameterError, "'params'.*'none'"),
        ({"params": [str(n) for n in range(201)]}, InvalidParameterError, "up to 200"),
        ({"trees": 9}, InvalidParameterError, "'trees'"),
        ({"seed": -1}, InvalidParameterError, "'seed'"),
        ({"reduction": "median"}, InvalidParameterError, "'reduction'"),
        ({"filter": "params.lr ="}, InvalidParameterError, "filter"),
        ({"filter": "params.lr = '1.0'"}, InvalidParameterError, "at least 10"),
        ({"params": ["fixed"]}, InvalidParameterError, "no param varies"),
        ({"metrics": "loss"}, InvalidParameterError, "unknown field `metrics`"),
        ({"experiment_names": ["none"]}, NotFoundError, "'none'"),
        ({"project": "none"}, NotFoundError, "'none'"),
    ],
)
async def test_what_cannot_be_answered_is_refused(
    sweep: Backend, fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        await asked(sweep, **fields)


async def test_too_many_params_and_runs_are_refused(
    sweep: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headwater.tracking.importance.MOST_PARAMS", 4)
    with pytest.raises(InvalidParameterError, match="have 5 params, and 4 can"):
        await asked(sweep)
    monkeypatch.setattr("headwater.tracking.importance.MOST_VALUES", 100)
    with pytest.raises(InvalidParameterError, match="more than 100 values"):
        await asked(sweep, params=["lr", "noise", "model"])
    monkeypatch.setattr("headwater.tracking.importance.MOST_RUNS", RUNS - 1)
    with pytest.raises(InvalidParameterError, match="more than 39 runs are in the selection"):
        await asked(sweep)
