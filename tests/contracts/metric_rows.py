"""Points and series as MLflow's rows, for the models that engines are compared with."""

import math

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from headwater.entities.metric import LARGEST, Points, Series, storable
from headwater.storage.metadata.base import Connection

Row = tuple[int, int, float, bool]
"""(timestamp, step, stored value, is NaN): MLflow's row of a metric."""

KEYS = ("loss", "val/acc", "schnee☃")
VALUES = st.sampled_from([0.0, -0.0, 1.5, -1.5, math.nan, math.inf, -math.inf, 1e-300])
POINT = st.tuples(
    st.sampled_from(KEYS), st.integers(-2, 2), st.integers(0, 3), VALUES
)  # key, step, timestamp, value
BATCHES = st.lists(
    st.tuples(st.integers(0, 2), st.lists(POINT, min_size=1, max_size=10)), max_size=8
)
EXAMPLES = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def columns(points: list[tuple[str, int, int, float]]) -> Points:
    keys = tuple(dict.fromkeys(key for key, *_ in points))
    return Points(
        keys,
        np.array([keys.index(key) for key, *_ in points]),
        np.array([step for _, step, _, _ in points], np.int64),
        np.array([timestamp for _, _, timestamp, _ in points], np.int64),
        storable(np.array([value for *_, value in points])),
    )


def row(point: tuple[str, int, int, float]) -> Row:
    _, step, timestamp, value = point
    nan = math.isnan(value)
    stored = 0.0 if nan else min(max(value, -LARGEST), LARGEST) + 0.0
    return timestamp, step, stored, nan


def rows(series: Series | None) -> list[Row]:
    if series is None:
        return []
    return [
        (timestamp, step, 0.0 if math.isnan(value) else value, math.isnan(value))
        for timestamp, step, value in zip(
            series.timestamps.tolist(), series.steps.tolist(), series.values.tolist(), strict=True
        )
    ]


def clear(connection: Connection) -> None:
    for table in (
        "headwater_metric_blocks",
        "headwater_metric_series",
        "latest_metrics",
        "metrics",
    ):
        connection.execute(f"DELETE FROM {table}")


def insert_rows(connection: Connection, run_id: str, key: str, old: set[Row]) -> None:
    for timestamp, step, value, nan in old:
        connection.execute(
            "INSERT INTO metrics (run_uuid, key, timestamp, step, value, is_nan)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (run_id, key, timestamp, step, value, nan),
        )
