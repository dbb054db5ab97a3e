"""Metric points as columns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]

LARGEST = float(np.finfo(np.float64).max)
"""What MLflow stores in place of an infinity, with the infinity's sign."""


@dataclass(frozen=True, eq=False)
class Points:
    """Points of one run in the order they were logged; all columns have the same length.

    Values are as MLflow stores them: infinities replaced by ±``LARGEST``, no negative zero; NaN
    stays NaN.
    """

    keys: tuple[str, ...]
    """The distinct metric keys."""

    key_index: NDArray[np.intp]
    """For each point, the position of its key in ``keys``."""

    steps: Int64s
    timestamps: Int64s
    """Milliseconds since the epoch, never negative."""

    values: Float64s

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True, eq=False)
class Series:
    """Points of one metric of one run, without exact duplicates."""

    steps: Int64s
    timestamps: Int64s
    values: Float64s

    def __len__(self) -> int:
        return len(self.steps)

    def take(self, positions: NDArray[np.intp] | NDArray[np.bool_] | slice) -> "Series":
        """Return the points at the given positions, in that order."""
        return Series(self.steps[positions], self.timestamps[positions], self.values[positions])


@dataclass(frozen=True, slots=True)
class Metric:
    """One point, its value as `Points` has it, and what it was measured of."""

    key: str
    step: int
    timestamp: int
    value: float
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


@dataclass(frozen=True, slots=True)
class ModelMetric:
    """A point attributed to a logged model."""

    model_id: str
    key: str
    step: int
    timestamp: int
    value: float
    dataset_name: str | None
    dataset_digest: str | None


def storable(values: Float64s) -> Float64s:
    """Return values as MLflow stores them; see `Points`."""
    # A third of the time that np.clip takes where there are few.
    within: Float64s = np.maximum(np.minimum(values, LARGEST), -LARGEST)
    within += 0.0
    return within


def ordering_values(values: Float64s) -> Float64s:
    """Return values as MLflow compares them: it stores NaN as 0 beside an ``is_nan`` flag."""
    return np.where(np.isnan(values), 0.0, values)
