"""Metrics of runs are read alike on every backend, and the front of them is found."""

import json
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from tests.contracts.conftest import Backend
from tests.contracts.test_ingest import service_on

from headwater.entities.metric import LARGEST, Points
from headwater.entities.pareto_front import RunFront
from headwater.errors import InvalidParameterError, NotFoundError
from headwater.storage.metadata.base import Connection
from headwater.tracking.pareto import pareto
from headwater.wire.pareto import decode_pareto, encode_pareto

RUNS = {
    "fast": (0.7, 10.0),
    "good": (0.9, 30.0),
    "same": (0.9, 30.0),
    "slow": (0.8, 40.0),
    "lost": (nan, 1.0),
    "huge": (0.95, LARGEST),
    "half": (0.99, None),
}
IDS = {name: f"{place:032x}" for place, name in enumerate(RUNS)}
OBJECTIVES = [
    {"metric": "acc", "direction": "max"},
    {"metric": "latency", "direction": "min"},
]


@pytest.fixture
async def runs(backend: Backend) -> Backend:
    def fill(connection: Connection) -> None:
        for name, run_id in IDS.items():
            connection.execute(
                "INSERT INTO runs (run_uuid, name, experiment_id, status, lifecycle_stage)"
                " VALUES (?, ?, 0, 'FINISHED', 'active')",
                (run_id, name),
            )
            connection.execute(
                'INSERT INTO tags (run_uuid, "key", value) VALUES (?, ?, ?)',
                (run_id, "mlflow.runName", name),
            )
            for key, value in zip(("acc", "latency"), RUNS[name], strict=True):
                if value is not None:
                    values = np.array([value])
                    zero = np.zeros(1, np.int64)
                    backend.metrics.append(
                        connection, run_id, Points((key,), zero, zero, zero, values)
                    )

    await backend.database.write(fill)
    return backend


async def asked(backend: Backend, **fields: object) -> RunFront:
    body = {"objectives": OBJECTIVES, **fields}
    return await pareto(service_on(backend), decode_pareto(json.dumps(body).encode()))


async def test_the_front_is_found(runs: Backend) -> None:
    found = await asked(runs, reference=[0.5, 50])
    assert [run.run_name for run in found.front] == ["good", "same", "fast"]
    assert [run.run_name for run in found.runs if not run.on_front] == ["slow"]
    assert found.front[0].values == (0.9, 30.0)
    assert found.duplicates == ((IDS["good"], IDS["same"]),)
    assert {run.run_id: run.metrics for run in found.unusable} == {
        **dict.fromkeys(runs.run_ids, ("acc", "latency")),
        IDS["lost"]: ("acc",),
        IDS["huge"]: ("latency",),
        IDS["half"]: ("latency",),
    }
    assert found.hypervolume == pytest.approx(0.4 * 20 + 0.2 * 20)
    assert "6 of 10 runs" in found.warnings[0]
    assert json.loads(encode_pareto(found))["runs"][0]["values"] == [0.9, 30.0]
    assert inf not in [value for run in found.runs for value in run.values]


async def test_runs_are_selected(runs: Backend) -> None:
    found = await asked(runs, filter="attributes.run_name IN ('slow', 'fast')")
    assert [run.run_name for run in found.front] == ["slow", "fast"]
    assert (found.hypervolume, found.reference, found.warnings) == (None, None, ())
    useless = await asked(runs, reference=[1, 0])
    assert useless.hypervolume == 0
    assert "choose a worse one" in useless.warnings[0]


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"objectives": OBJECTIVES[:1]}, InvalidParameterError, "'objectives': 1 of them"),
        ({"objectives": [OBJECTIVES[0]] * 2}, InvalidParameterError, "of its own"),
        (
            {"objectives": [OBJECTIVES[0], {"metric": "f1", "direction": "max"}]},
            InvalidParameterError,
            "'objectives'.*'f1'",
        ),
        (
            {"objectives": [OBJECTIVES[0], {"metric": "f1", "direction": "up"}]},
            InvalidParameterError,
            "Invalid enum value 'up'",
        ),
        ({"reference": [1]}, InvalidParameterError, "'reference': give 2 numbers"),
        (
            {
                "objectives": [{"metric": str(n), "direction": "max"} for n in range(4)],
                "reference": [0, 0, 0, 0],
            },
            InvalidParameterError,
            "2 or 3 objectives",
        ),
        ({"reduction": "median"}, InvalidParameterError, "'reduction'"),
        ({"experiment_names": ["none"]}, NotFoundError, "'none'"),
    ],
)
async def test_what_cannot_be_answered_is_refused(
    runs: Backend, fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        await asked(runs, **fields)
