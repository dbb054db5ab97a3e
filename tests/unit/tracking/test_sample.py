"""Sampling picks the points that MLflow's SQL picks."""

import sqlite3

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headwater.entities.metric import Series
from headwater.tracking.get_metric_history_bulk_interval import sampled
from headwater.tracking.sample import sample_rows

_NTILE = """
WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?),
bucketed AS (SELECT n, ntile(?) OVER (ORDER BY n) AS bucket FROM numbers)
SELECT min(n) FROM bucketed GROUP BY bucket ORDER BY 1
"""


@given(st.integers(1, 400), st.integers(1, 60))
def test_sample_rows_agrees_with_ntile(count: int, most: int) -> None:
    picks = [row[0] for row in sqlite3.connect(":memory:").execute(_NTILE, (count, most))]
    if picks[-1] != count - 1:
        picks = [*picks[:-1], count - 1] if len(picks) >= most else [*picks, count - 1]
    assert sample_rows(count, most).tolist() == picks


def line(steps: range) -> Series:
    columns = np.array(steps, np.int64)
    return Series(columns, columns, columns.astype(np.float64))


def test_sampled_rows_keep_the_ends_and_the_order_of_the_runs() -> None:
    histories = {"b": line(range(100)), "a": line(range(5))}
    found = sampled(histories, ["b", "missing", "a"], 10, None, rows=True)
    assert [run_id for run_id, _ in found] == ["b", "a"]
    assert found[0][1].steps.tolist() == [0, 10, 20, 30, 40, 50, 60, 70, 80, 99]
    assert found[1][1].steps.tolist() == [0, 1, 2, 3, 4]


def test_an_interval_is_closed() -> None:
    found = sampled({"a": line(range(100))}, ["a"], 50, (10, 12), rows=True)
    assert found[0][1].steps.tolist() == [10, 11, 12]


def test_sampled_steps_are_shared_by_the_runs() -> None:
    histories = {"a": line(range(0, 100, 2)), "b": line(range(1, 40))}
    found = dict(sampled(histories, ["a", "b"], 4, None, rows=False))
    distinct = sorted({*range(0, 100, 2), *range(1, 40)})
    picks = {distinct[int(i * len(distinct) / 4)] for i in range(4)} | {98, 0, 1, 39}
    assert found["a"].steps.tolist() == sorted(step for step in picks if step % 2 == 0)
    assert found["b"].steps.tolist() == sorted(step for step in picks if 1 <= step < 40)


def test_steps_below_zero_are_sampled_only_on_request() -> None:
    histories = {"a": line(range(-5, 5))}
    (_, without) = sampled(histories, ["a"], 100, None, rows=False)[0]
    (_, asked) = sampled(histories, ["a"], 100, (-5, 5), rows=False)[0]
    assert without.steps.tolist() == [0, 1, 2, 3, 4]
    assert asked.steps.tolist() == list(range(-5, 5))
