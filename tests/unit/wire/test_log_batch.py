"""Only an ordinary LogBatch is decoded; everything else is MLflow's to answer."""

import json
import math

import numpy as np
import pytest

from headwater.entities.metric import LARGEST, ModelMetric
from headwater.errors import NotServedError
from headwater.wire.log_batch import decode_log_batch

RUN_ID = "a" * 32


def body(**fields: object) -> bytes:
    return json.dumps({"run_id": RUN_ID, **fields}).encode()


def metric(**fields: object) -> dict[str, object]:
    return {"key": "loss", "value": 1.0, "timestamp": 5, **fields}


def test_points_become_columns_in_the_order_they_were_sent() -> None:
    batch = decode_log_batch(
        body(
            metrics=[
                metric(step=3),
                metric(key="acc", value=2, step=-4),
                metric(value=0.5, timestamp=6),
            ]
        )
    )
    assert batch.points.keys == ("loss", "acc")
    assert batch.points.key_index.tolist() == [0, 1, 0]
    assert batch.points.steps.tolist() == [3, -4, 0]
    assert batch.points.timestamps.tolist() == [5, 5, 6]
    assert batch.points.values.tolist() == [1.0, 2.0, 0.5]


def test_values_are_as_mlflow_stores_them() -> None:
    spelled = ["NaN", "Infinity", "-Infinity", -0.0]
    points = decode_log_batch(body(metrics=[metric(value=value) for value in spelled])).points
    assert math.isnan(points.values[0])
    assert points.values[1:].tolist() == [LARGEST, -LARGEST, 0.0]
    assert not np.signbit(points.values[3])


def test_points_of_a_logged_model_are_kept_twice() -> None:
    batch = decode_log_batch(
        body(
            metrics=[
                metric(model_id="m-1", dataset_name="iris", dataset_digest="d", run_id=RUN_ID),
                metric(),
            ]
        )
    )
    assert len(batch.points) == 2
    assert batch.model_metrics == [ModelMetric("m-1", "loss", 0, 5, 1.0, "iris", "d")]


@pytest.mark.parametrize("half", [{"dataset_name": "iris"}, {"dataset_digest": "d"}])
def test_half_a_dataset_is_left_to_mlflow(half: dict[str, str]) -> None:
    with pytest.raises(NotServedError):
        decode_log_batch(body(metrics=[metric(), metric(**half)]))


def test_params_and_tags_may_lack_a_value() -> None:
    batch = decode_log_batch(body(params=[{"key": "p"}], tags=[{"key": "t", "value": "☃"}]))
    assert batch.params == [("p", "")]
    assert batch.tags == [("t", "☃")]


def test_an_empty_batch_has_no_points() -> None:
    assert len(decode_log_batch(body()).points) == 0


@pytest.mark.parametrize(
    "unusual",
    [
        b"",
        b"not json",
        b"[]",
        b'"{}"',
        b"{}",
        b'{"run_id": "\xff"}',
        body(runId=RUN_ID),
        body(metrics=None),
        body(metrics={}),
        body(metrics=[metric(value="1.5")]),
        body(metrics=[metric(value=True)]),
        body(metrics=[metric(value=None)]),
        body(metrics=[{"key": "loss", "timestamp": 5}]),
        body(metrics=[metric(timestamp="5")]),
        body(metrics=[metric(timestamp=5.0)]),
        body(metrics=[metric(timestamp=2**63)]),
        body(metrics=[metric(step=-(2**63) - 1)]),
        body(metrics=[metric(step=10**30)]),
        body(metrics=[metric(unknown=1)]),
        body(params=[{"value": "p"}]),
        body(params=[{"key": "p", "value": 1}]),
        body(tags=[{"key": "t", "value": None}]),
        body(metrics=[metric()]).replace(b"1.0", b"NaN"),
        body(metrics=[metric()]).replace(b"1.0", b"1e400"),
    ],
)
def test_anything_unusual_is_handed_over(unusual: bytes) -> None:
    with pytest.raises(NotServedError):
        decode_log_batch(unusual)
