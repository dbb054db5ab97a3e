"""MLflow's ``latest_metrics``: which points belong there, and how they get there."""

from collections.abc import Iterator

import numpy as np

from headwater.entities.metric import Points, ordering_values
from headwater.storage.metrics.merge import latest_positions

UPSERT = """
INSERT INTO latest_metrics (run_uuid, key, step, timestamp, value, is_nan)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (key, run_uuid) DO UPDATE SET
  step = excluded.step, timestamp = excluded.timestamp,
  value = excluded.value, is_nan = excluded.is_nan
WHERE (excluded.step, excluded.timestamp, excluded.value)
    > (latest_metrics.step, latest_metrics.timestamp, latest_metrics.value)
"""
"""Leaves a later point alone."""


def latest_rows(points: Points) -> Iterator[tuple[str, int, int, float, bool]]:
    """Yield (key, step, timestamp, value with NaN as 0, is NaN) of each metric's latest point."""
    at = latest_positions(points)
    values = points.values[at]
    return zip(
        [points.keys[key] for key in points.key_index[at].tolist()],
        points.steps[at].tolist(),
        points.timestamps[at].tolist(),
        ordering_values(values).tolist(),
        np.isnan(values).tolist(),
        strict=True,
    )
