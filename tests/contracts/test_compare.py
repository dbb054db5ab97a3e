"""Groups of runs are found and reduced alike on every backend."""

import json
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from tests.contracts.conftest import Backend
from tests.contracts.test_ingest import service_on

from headwater.entities.metric import LARGEST, Points
from headwater.entities.verdict import Verdict
from headwater.errors import InvalidParameterError, NotFoundError
from headwater.storage.metadata.base import Connection
from headwater.tracking.compare import compare
from headwater.wire.compare import decode_compare

SHIFT = {"a": 0.5, "b": 0.0}
CURVE = np.array([0.0, 3.0, 1.0, 2.0])


@pytest.fixture
async def sweep(backend: Backend) -> Backend:
    """Five seeds of two models; the curve of each run is `CURVE` moved up."""

    def fill(connection: Connection) -> None:
        for model, shift in SHIFT.items():
            for seed in range(5):
                run_id = f"{model}{seed}" * 16
                connection.execute(
                    "INSERT INTO runs (run_uuid, experiment_id, status, lifecycle_stage,"
                    " start_time, end_time) VALUES (?, 0, 'FINISHED', 'active', 0, 5)",
                    (run_id,),
                )
                for key, value in (("model", model), ("seed", str(seed))):
                    connection.execute(
                        'INSERT INTO params (run_uuid, "key", value) VALUES (?, ?, ?)',
                        (run_id, key, value),
                    )
                if model == "a":
                    connection.execute(
                        'INSERT INTO tags (run_uuid, "key", value) VALUES (?, ?, ?)',
                        (run_id, "mlflow.parentRunId", "b0" * 16),
                    )
                backend.metrics.append(connection, run_id, _points(CURVE + shift + seed / 100))

    await backend.database.write(fill)
    return backend


def _points(values: np.ndarray[Any, np.dtype[np.float64]]) -> Points:
    count = len(values)
    steps = np.arange(count, dtype=np.int64) * 10
    keys = np.zeros(count, np.int64)
    return Points(("loss",), keys, steps, np.arange(count, dtype=np.int64), values)


async def asked(backend: Backend, **fields: object) -> Verdict:
    body = {"metric": "loss", "direction": "higher", **fields}
    return await compare(service_on(backend), decode_compare(json.dumps(body).encode()))


MODELS = [{"filter": 'params.model = "a"'}, {"filter": 'params.model = "b"'}]


@pytest.mark.parametrize(
    ("reduction", "mean"),
    [
        ("last", 2.0),
        ("first", 0.0),
        ("min", 0.0),
        ("max", 3.0),
        ("mean", 1.5),
        ("mean:2", 1.5),
        ("mean:99", 1.5),
        ("at:15", 3.0),
        ("at:20", 1.0),
        ("area", 5 / 3),
    ],
)
async def test_series_are_reduced(sweep: Backend, reduction: str, mean: float) -> None:
    verdict = await asked(sweep, groups=MODELS, reduction=reduction)
    assert verdict.comparisons[0].means == pytest.approx((mean + 0.52, mean + 0.02))
    assert verdict.decision == "better"
    assert {run.steps for run in verdict.groups[0].runs} == {30}


async def test_groups_come_from_filters_lists_parents_and_values(sweep: Backend) -> None:
    by_filter = await asked(sweep, groups=MODELS)
    listed = [f"b{seed}" * 16 for seed in range(5)]
    groups = [{"parent_run_id": "b0" * 16}, {"run_ids": listed, "name": "old"}]
    by_list = await asked(sweep, groups=groups)
    by_value = await asked(sweep, group_by=["params.model"])
    runs = [[group.runs for group in each.groups] for each in (by_filter, by_list, by_value)]
    assert runs[0] == runs[1] == runs[2]
    assert [group.name for group in by_list.groups] == [f"children of {'b0' * 16}", "old"]
    assert [group.name for group in by_value.groups] == ["params.model = a", "params.model = b"]
    turned = await asked(sweep, group_by=["params.model"], candidate="b")
    assert (turned.groups[0].name, turned.decision) == ("params.model = b", "worse")


async def test_a_mistake_in_a_filter_names_the_filter(sweep: Backend) -> None:
    wrong = "metrics.loss <"
    with pytest.raises(InvalidParameterError, match=r"parameter 'groups\[1\].filter'.*column 15"):
        await asked(sweep, groups=[MODELS[0], {"filter": wrong}], filter="params.seed > 1")
    with pytest.raises(InvalidParameterError, match=r"parameter 'filter'.*column 15"):
        await asked(sweep, groups=MODELS, filter=wrong)


def _seeds_as_tags(connection: Connection) -> None:
    for key in ("mlflow.seed", "split"):
        connection.execute(
            'INSERT INTO tags (run_uuid, "key", value) SELECT run_uuid, ?, value FROM params'
            " WHERE \"key\" = 'seed'",
            (key,),
        )
    connection.execute("DELETE FROM params WHERE \"key\" = 'seed'")


async def test_pairs_are_made_and_proposed(sweep: Backend) -> None:
    unpaired = await asked(sweep, groups=MODELS)
    assert unpaired.could_pair_by == "params.seed"
    await sweep.database.write(_seeds_as_tags)
    assert (await asked(sweep, groups=MODELS)).could_pair_by == "tags.split"
    paired = await asked(sweep, groups=MODELS, paired_by="tags.split", filter="tags.split > 1")
    assert paired.comparisons[0].sizes == (3,)
    assert [run.pair for run in paired.groups[0].runs] == ["2", "3", "4"]


async def test_what_has_no_finite_value_is_reported(sweep: Backend) -> None:
    def spoil(connection: Connection) -> None:
        for seed, value in ((0, nan), (1, LARGEST)):
            spoiled = np.array([value])
            points = Points(
                ("loss",), np.zeros(1, np.int64), np.array([40]), np.array([9]), spoiled
            )
            sweep.metrics.append(connection, f"a{seed}" * 16, points)

    await sweep.database.write(spoil)
    verdict = await asked(sweep, groups=MODELS)
    assert {each.run_id for each in verdict.unused} == {"a0" * 16, "a1" * 16}
    assert inf not in [run.value for run in verdict.groups[0].runs]
    missing = await asked(sweep, groups=MODELS, metric="other")
    assert len(missing.unused) == 10
    assert missing.decision == "undecided"


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        (
            {"groups": [MODELS[0], {"filter": "params.model = 'q'"}]},
            InvalidParameterError,
            "no run",
        ),
        ({"groups": [MODELS[0], MODELS[0]]}, InvalidParameterError, "a 'name' of its own"),
        ({"groups": MODELS, "paired_by": "seed"}, InvalidParameterError, "paired_by"),
        ({"groups": MODELS, "reduction": "median"}, InvalidParameterError, "reduction"),
        ({"groups": MODELS, "candidate": "x"}, InvalidParameterError, "candidate"),
        ({"group_by": ["params.seed"], "candidate": "7"}, InvalidParameterError, "candidate"),
        ({"group_by": ["params.none"]}, InvalidParameterError, "group_by"),
        ({"groups": MODELS, "experiment_names": ["none"]}, NotFoundError, "'none'"),
        ({"groups": MODELS, "project": "none"}, NotFoundError, "'none'"),
        ({"groups": [MODELS[0], {"run_ids": ["x' OR 1"]}]}, InvalidParameterError, "no id"),
    ],
)
async def test_what_cannot_be_compared_is_refused(
    sweep: Backend, fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        await asked(sweep, **fields)
