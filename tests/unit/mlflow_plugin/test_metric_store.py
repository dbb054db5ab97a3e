"""Our store against MLflow's: the same calls give the same answers."""

import math
import sqlite3
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import mlflow
import pytest
from hypothesis import given, settings, target
from hypothesis import strategies as st
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from tests.samples import Point, check_sample
from tests.unit.mlflow_plugin.conftest import MLFLOWS_WARNINGS, Pair, rows

from headwater.mlflow_release import version_numbers

pytestmark = MLFLOWS_WARNINGS

KEYS = ("loss", "val/acc", "Größe in µm")
LARGEST = 2**63 - 1

values = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, math.nan, math.inf, -math.inf, 5e-324, 0.1]),
    st.floats(allow_nan=False),
)
metrics = st.builds(
    Metric,
    key=st.sampled_from(KEYS),
    value=values,
    timestamp=st.sampled_from([0, 1, 2, 1_700_000_000_000, LARGEST]),
    step=st.sampled_from([0, 1, 2, 3, 7, -1, LARGEST, -LARGEST - 1]),
)
runs = st.sampled_from([0, 1])
calls = st.lists(
    st.one_of(
        st.tuples(runs, metrics),
        st.tuples(runs, st.lists(metrics, max_size=12)),
    ),
    min_size=1,
    max_size=6,
)


def as_tuples(found: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Metrics as comparable values, whose NaN equals itself."""
    plain = []
    for item in found:
        run_id = getattr(item, "run_id", None)
        value = "nan" if math.isnan(item.value) else item.value
        plain.append((run_id, item.key, item.step, item.timestamp, value, str(value)))
    return plain


def logged(store: Any, run_ids: Sequence[str], sequence: Sequence[Any]) -> None:
    for run, what in sequence:
        if isinstance(what, Metric):
            store.log_metric(run_ids[run], what)
        else:
            store.log_batch(run_ids[run], what, [], [])


def answers(store: Any, run_ids: list[str]) -> dict[str, Any]:
    """Everything that a store tells about the metrics of runs."""
    told: dict[str, Any] = {}
    for run_id in run_ids:
        latest = sorted(store.get_run(run_id).data._metric_objs, key=lambda metric: metric.key)
        told[f"latest {run_id}"] = as_tuples(latest)
    for key in (*KEYS, "missing"):
        for run_id in run_ids:
            where = f"{key} {run_id}"
            told[f"history {where}"] = as_tuples(store.get_metric_history(run_id, key))
            told[f"pages {where}"] = pages(store, run_id, key)
            told[f"max {where}"] = store.get_max_step_for_metric(run_id, key)
            told[f"steps {where}"] = as_tuples(
                store.get_metric_history_bulk_interval_from_steps(run_id, key, [0, 2, 7], 3)
            )
        for most in (0, 1, 4, 25_000):
            told[f"bulk {key} {most}"] = as_tuples(
                store.get_metric_history_bulk([*run_ids, run_ids[0]], key, most)
            )
    return told


def check_samples(pair: Pair, run_ids: list[str]) -> None:
    """Check the samples of both stores against each other: ours keep every spike."""
    for key in (*KEYS, "missing"):
        for most in (1, 2, 3, 4, 5, 6, 320):
            for interval in (None, (0, 3), (-1, LARGEST)):
                ours, mlflows = (
                    store.get_metric_history_bulk_interval(
                        run_ids, key, most, *(interval or (None, None))
                    )
                    for store in (pair.ours, pair.stock)
                )
                assert [p.run_id for p in ours] == sorted(p.run_id for p in ours)
                for run_id in run_ids:
                    check_sample(
                        as_points(p for p in ours if p.run_id == run_id),
                        as_points(p for p in mlflows if p.run_id == run_id),
                        as_points(pair.ours.get_metric_history(run_id, key)),
                        interval,
                    )


def as_points(found: Iterable[Any]) -> list[Point]:
    return [(point.step, point.timestamp, point.value) for point in found]


def pages(store: Any, run_id: str, key: str) -> list[Any]:
    found, token = [], None
    while True:
        page = store.get_metric_history(run_id, key, max_results=2, page_token=token)
        found.append((as_tuples(page), page.token))
        if (token := page.token) is None:
            return found


def repeats_nan(sequence: Sequence[Any]) -> bool:
    """Say whether a NaN is logged twice at the same place, which MLflow 3.12 cannot store."""
    seen = [
        (run, metric.key, metric.step, metric.timestamp)
        for run, what in sequence
        for metric in ([what] if isinstance(what, Metric) else what)
        if math.isnan(metric.value)
    ]
    return len(set(seen)) < len(seen)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(sequence=calls)
def test_answers_as_mlflow(pair: Pair, sequence: list[Any]) -> None:
    if version_numbers(mlflow.__version__) < (3, 13) and repeats_nan(sequence):
        return
    run_ids = sorted(uuid.uuid4().hex for _ in range(2))
    for run_id in run_ids:
        pair.insert_run(run_id)
    logged(pair.stock, run_ids, sequence)
    logged(pair.ours, run_ids, sequence)
    target(float(len(sequence)))
    assert answers(pair.ours, run_ids) == answers(pair.stock, run_ids)
    check_samples(pair, run_ids)


@pytest.mark.parametrize("order", [1, -1])
def test_of_nan_and_zero_the_first_is_latest(pair: Pair, order: int) -> None:
    """MLflow stores NaN as a flagged 0, so that neither is later than the other."""
    run_id = uuid.uuid4().hex
    pair.insert_run(run_id)
    batch = [Metric("loss", value, 1, 1) for value in (math.nan, 0.0)][::order]
    for store in (pair.stock, pair.ours):
        store.log_batch(run_id, batch, [], [])
    assert answers(pair.ours, [run_id]) == answers(pair.stock, [run_id])


@pytest.mark.parametrize(
    "metric",
    [
        Metric("a", "text", 0, 0),
        Metric("a", None, 0, 0),
        Metric("a", True, 0, 0),
        Metric("a", 1.0, -1, 0),
        Metric("a", 1.0, "0", 0),
        Metric("a", 1.0, 0, None),
        Metric("", 1.0, 0, 0),
        Metric(None, 1.0, 0, 0),
        Metric("../a", 1.0, 0, 0),
        Metric("a\n$", 1.0, 0, 0),
        Metric("a" * 251, 1.0, 0, 0),
    ],
    ids=repr,
)
@pytest.mark.parametrize("batch", [False, True])
def test_refuses_as_mlflow(pair: Pair, metric: Metric, batch: bool) -> None:
    run_id = uuid.uuid4().hex
    pair.insert_run(run_id)
    refusals = []
    for store in (pair.stock, pair.ours):
        what = [Metric("fine", 1.0, 0, 0), metric] if batch else metric
        with pytest.raises(MlflowException) as caught:
            logged(store, [run_id], [(0, what)])
        refusals.append((caught.value.error_code, caught.value.message))
        assert not store.get_run(run_id).data.metrics
    assert refusals[0] == refusals[1]


@pytest.mark.parametrize("state", ["missing", "deleted"])
def test_refuses_runs_that_take_no_metrics(pair: Pair, state: str) -> None:
    run_id = uuid.uuid4().hex
    if state == "deleted":
        pair.insert_run(run_id)
        pair.stock.delete_run(run_id)
        pair.ours.delete_run(run_id)
    refusals = []
    for store in (pair.stock, pair.ours):
        with pytest.raises(MlflowException) as caught:
            store.log_metric(run_id, Metric("a", 1.0, 0, 0))
        refusals.append((caught.value.error_code, caught.value.message))
    assert refusals[0] == refusals[1]
    assert (
        rows(pair.our_path, f"SELECT * FROM headwater_metric_blocks WHERE run_uuid='{run_id}'")
        == []
    )


def test_points_are_blocks_not_rows(pair: Pair) -> None:
    run_id = uuid.uuid4().hex
    pair.insert_run(run_id)
    batch = [Metric("a", float(i), i, i) for i in range(100)]
    pair.ours.log_batch(run_id, batch, [Param("p", "1")], [RunTag("t", "2")])
    where = f"WHERE run_uuid = '{run_id}'"
    assert rows(pair.our_path, f"SELECT points FROM headwater_metric_blocks {where}") == [(100,)]
    assert rows(pair.our_path, f"SELECT count(*) FROM metrics {where}") == [(0,)]
    run = pair.ours.get_run(run_id)
    assert (run.data.params, run.data.tags["t"]) == ({"p": "1"}, "2")


def test_steps_that_are_no_integers_stay_with_mlflow(pair: Pair) -> None:
    run_id = uuid.uuid4().hex
    pair.insert_run(run_id)
    for store in (pair.stock, pair.ours):
        store.log_metric(run_id, Metric("a", 1.0, 5, 3.0))
        assert as_tuples(store.get_metric_history(run_id, "a")) == [(None, "a", 3, 5, 1.0, "1.0")]


def test_rows_logged_by_plain_mlflow_are_merged(pair: Pair) -> None:
    run_id = uuid.uuid4().hex
    pair.insert_run(run_id)
    plain = type(pair.stock)(f"sqlite:///{pair.our_path}", "mlflow-artifacts:/")
    batch = [Metric("a", float(i), i, i) for i in range(6)]
    plain.log_batch(run_id, batch[:4], [], [])
    pair.ours.log_batch(run_id, batch[2:], [], [])
    plain.log_metric(run_id, Metric("a", 9.0, 9, 9))
    plain.engine.dispose()
    pair.stock.log_batch(run_id, [*batch, Metric("a", 9.0, 9, 9)], [], [])
    assert answers(pair.ours, [run_id]) == answers(pair.stock, [run_id])


def test_hard_delete_removes_blocks(pair: Pair) -> None:
    for store in (pair.ours, type(pair.stock)(f"sqlite:///{pair.our_path}", "mlflow-artifacts:/")):
        run_id = uuid.uuid4().hex
        pair.insert_run(run_id)
        pair.ours.log_metric(run_id, Metric("a", 1.0, 0, 0))
        where = f"WHERE run_uuid = '{run_id}'"
        assert rows(pair.our_path, f"SELECT points FROM headwater_metric_blocks {where}") == [(1,)]
        store.delete_run(run_id)
        store._hard_delete_run(run_id)
        assert rows(pair.our_path, f"SELECT * FROM headwater_metric_blocks {where}") == []
        if store is not pair.ours:
            store.engine.dispose()


def test_a_failed_append_leaves_nothing(pair: Pair) -> None:
    run_id = uuid.uuid4().hex
    pair.insert_run(run_id)
    connection = sqlite3.connect(pair.our_path)
    connection.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON latest_metrics BEGIN"
        " SELECT RAISE(ABORT, 'refused'); END"
    )
    try:
        with pytest.raises(MlflowException, match="refused"):
            pair.ours.log_metric(run_id, Metric("a", 1.0, 0, 0))
    finally:
        connection.execute("DROP TRIGGER refuse")
        connection.close()
    where = f"WHERE run_uuid = '{run_id}'"
    assert rows(pair.our_path, f"SELECT * FROM headwater_metric_blocks {where}") == []
