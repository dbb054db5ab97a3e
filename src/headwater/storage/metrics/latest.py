"""MLflow's ``latest_metrics``: which points belong there, and how they get there."""

from collections.abc import Iterator
from dataclasses import dataclass

from headwater.entities.metric import Points
from headwater.storage.metrics.merge import latest_positions

INSERT = "INSERT INTO latest_metrics (run_uuid, key, step, timestamp, value, is_nan)"
WHERE_LATER = """
ON CONFLICT (key, run_uuid) DO UPDATE SET
  step = excluded.step, timestamp = excluded.timestamp,
  value = excluded.value, is_nan = excluded.is_nan
WHERE (excluded.step, excluded.timestamp, excluded.value)
    > (latest_metrics.step, latest_metrics.timestamp, latest_metrics.value)
"""
UPSERT = f"{INSERT} VALUES (?, ?, ?, ?, ?, ?) {WHERE_LATER}"
"""Leaves a later point alone."""

Latest = tuple[str, int, int, float, bool]
"""(key, step, timestamp, value with NaN as 0, is NaN)."""


@dataclass(frozen=True, slots=True)
class LatestPoints:
    """The latest point of each metric, by column, as MLflow stores them: a NaN is 0, flagged."""

    keys: list[str]
    steps: list[int]
    timestamps: list[int]
    values: list[float]
    is_nan: list[bool]

    @property
    def columns(self) -> tuple[list[str], list[int], list[int], list[float], list[bool]]:
        """The columns in the order of `Latest`."""
        return self.keys, self.steps, self.timestamps, self.values, self.is_nan

    def rows(self) -> Iterator[Latest]:
        """Yield the points."""
        return zip(*self.columns, strict=True)


def latest_points(points: Points) -> LatestPoints:
    """Return the latest of the points of each metric."""
    at = latest_positions(points)
    values = points.values[at].tolist()
    is_nan = [value != value for value in values]  # only NaN differs from itself
    return LatestPoints(
        [points.keys[key] for key in points.key_index[at].tolist()],
        points.steps[at].tolist(),
        points.timestamps[at].tolist(),
        [0.0 if nan else value for value, nan in zip(values, is_nan, strict=True)],
        is_nan,
    )
