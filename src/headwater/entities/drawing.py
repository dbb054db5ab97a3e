"""Charts of metrics: what is asked for, and what is drawn."""

from dataclasses import dataclass
from typing import Literal

from headwater.entities.metric import Series

Axis = Literal["step", "time", "row"]
"""What a chart is even in: steps, milliseconds, or points in the order of their steps."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Which points of a series to draw, and how many at most."""

    axis: Axis
    start: int | None
    """First step, or millisecond on the ``time`` axis; None for the first there is."""

    end: int | None
    """Last one, included."""

    most: int
    """Points, 1 or more; below 4 there is room for the ends alone."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A series thinned out."""

    total: int
    """Points in the range, of which `points` are some."""

    points: Series
    """By (step, timestamp, value), or by (timestamp, step, value) on the ``time`` axis."""
