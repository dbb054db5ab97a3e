"""A metric aggregated over the ranks of a distributed training."""

from dataclasses import dataclass

from headwater.entities.metric import Float64s, Int64s


@dataclass(frozen=True, eq=False)
class OverRanks:
    """Columns of one length, by step; thinned out, a row stands for the steps up to the next."""

    steps: Int64s
    """The first step of each row."""

    count: Int64s
    """Most ranks that have a value of one of the row's steps."""

    mean: Float64s
    """Of all values that are no NaN; NaN where there are none, as for the following two."""

    least: Float64s
    least_rank: Int64s
    most: Float64s
    most_rank: Int64s
    lag: Int64s
    """Milliseconds between the first and the last rank that logged a step; the longest."""

    straggler: Int64s
    """The rank that was the last to log that step."""
