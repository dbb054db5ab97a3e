"""How a sample of a history may differ from MLflow's: it keeps every spike, and nothing else."""

import importlib.metadata
from collections.abc import Sequence

import numpy as np
from tests.drawings import check, in_range, rows

from headwater.entities.drawing import Cut, Drawing
from headwater.entities.metric import Series
from headwater.mlflow_release import behaviour_of

Point = tuple[int, int, float]
"""(step, timestamp, value)."""

SAMPLES_ROWS = behaviour_of(importlib.metadata.version("mlflow")).samples_rows


def columns(points: Sequence[Point]) -> Series:
    steps, timestamps, values = zip(*points, strict=True) if points else ((), (), ())
    return Series(
        np.array(steps, np.int64), np.array(timestamps, np.int64), np.array(values, np.float64)
    )


def check_sample(
    ours: Sequence[Point],
    mlflows: Sequence[Point],
    history: Sequence[Point],
    interval: tuple[int, int] | None,
) -> None:
    """Check our sample of one run against MLflow's.

    Where MLflow shows every point, or on releases before 3.15 fewer than four, ours are the same.
    Else there are no more of them, each is a point of the history, they are in order, and the first
    and the last point of the range are among them; from four on, the least and the greatest of each
    bucket, too.
    """
    start, end = interval or ((None, None) if SAMPLES_ROWS else (0, None))
    cut = Cut("row", start, end, max(1, len(mlflows)))
    within, _ = in_range(columns(history), cut)
    shown, expected = rows(columns(ours)), rows(columns(mlflows))
    if len(expected) >= len(within) or (not SAMPLES_ROWS and len(expected) < 4):
        assert shown == expected
    else:
        check(Drawing(len(within), columns(ours)), columns(history), cut)
