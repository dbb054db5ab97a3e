"""Medians, the better stock configuration, ratios and verdicts; pure functions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Figure:
    """What one number means, and what a release must reach."""

    verb: str
    """The benchmark's module."""

    label: str
    unit: str
    better: Better
    floor: float | None = None
    """Least ratio against the better stock configuration."""

    peer_floor: float | None = None
    """Least ratio against the other fast server."""

    postgres_floor: float | None = None
    """Least ratio of Headwater on PostgreSQL against Headwater on SQLite."""

    bound: float | None = None
    """What Headwater's median must reach whatever others do, in the figure's unit."""


@dataclass(frozen=True)
class Sides:
    """The contenders' names by what they play; each may be missing from the samples."""

    stock: Sequence[str] = ()
    peer: str | None = None
    ours: str | None = None
    ours_on_postgres: str | None = None


@dataclass(frozen=True)
class Summary:
    """Samples of one figure from one contender."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Ratio:
    """How many times better the median of one contender is than that of another."""

    value: float
    low: float
    """Least ratio of a single round."""

    high: float
    floor: float | None

    @property
    def met(self) -> bool | None:
        """Whether the floor is reached; None without one."""
        return None if self.floor is None else self.value >= self.floor


@dataclass(frozen=True)
class Comparison:
    """One figure of all contenders; ratios are None where a side is missing."""

    figure: Figure
    summaries: Mapping[str, Summary]
    better_stock: str | None
    stock: Ratio | None
    """Headwater against the better stock configuration."""

    peer: Ratio | None
    """Headwater against the other fast server."""

    postgres: Ratio | None
    """Headwater on PostgreSQL against Headwater on SQLite."""

    bound_met: bool | None

    @property
    def met(self) -> bool | None:
        """Whether everything that is asked for is reached; None where nothing could be judged."""
        ratios = (self.stock, self.peer, self.postgres)
        verdicts = [self.bound_met, *(ratio.met for ratio in ratios if ratio is not None)]
        judged = [verdict for verdict in verdicts if verdict is not None]
        return all(judged) if judged else None


def summarise(samples: Sequence[float]) -> Summary:
    """Return median and range of at least one sample."""
    return Summary(median(samples), min(samples), max(samples))


def compare(figure: Figure, samples: Mapping[str, Sequence[float]], sides: Sides) -> Comparison:
    """Compare Headwater with the better stock configuration and with the others."""
    summaries = {name: summarise(values) for name, values in samples.items() if values}
    candidates = [name for name in sides.stock if name in summaries]
    better = (
        (max if figure.better == "higher" else min)(
            candidates, key=lambda name: summaries[name].median
        )
        if candidates
        else None
    )

    def ratio(one: str | None, other: str | None, floor: float | None) -> Ratio | None:
        if one not in summaries or other not in summaries:
            return None
        return _ratio(figure.better, samples[one], samples[other], floor)

    return Comparison(
        figure,
        summaries,
        better,
        stock=ratio(sides.ours, better, figure.floor),
        peer=ratio(sides.ours, sides.peer, figure.peer_floor),
        postgres=ratio(sides.ours_on_postgres, sides.ours, figure.postgres_floor),
        bound_met=_within(figure, summaries.get(sides.ours or "")),
    )


def _ratio(
    better: Better, mine: Sequence[float], theirs: Sequence[float], floor: float | None
) -> Ratio:
    def of(one: float, other: float) -> float:
        above, below = (one, other) if better == "higher" else (other, one)
        return above / below if below else math.inf

    rounds = [of(one, other) for one, other in zip(mine, theirs, strict=False)]
    return Ratio(of(median(mine), median(theirs)), min(rounds), max(rounds), floor)


def _within(figure: Figure, ours: Summary | None) -> bool | None:
    if figure.bound is None or ours is None:
        return None
    if figure.better == "higher":
        return ours.median >= figure.bound
    return ours.median <= figure.bound
