"""Medians, the better stock configuration and ratios; pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Figure:
    """What one number means."""

    verb: str
    """The benchmark's module."""

    label: str
    unit: str
    better: Better
    floor: float | None = None
    """Least ratio against the better stock configuration."""


@dataclass(frozen=True)
class Summary:
    """Samples of one figure from one contender."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """One figure of all contenders."""

    figure: Figure
    summaries: Mapping[str, Summary]
    better_stock: str | None
    ratio: float | None
    """How many times better Headwater's median is than that of the better stock configuration."""

    ratio_low: float | None
    ratio_high: float | None
    """Least and largest ratio of a single round."""

    @property
    def met(self) -> bool | None:
        """Whether the floor is reached; None without a floor or without both sides."""
        if self.figure.floor is None or self.ratio is None:
            return None
        return self.ratio >= self.figure.floor


def summarise(samples: Sequence[float]) -> Summary:
    """Return median and range of at least one sample."""
    return Summary(median(samples), min(samples), max(samples))


def compare(
    figure: Figure, samples: Mapping[str, Sequence[float]], stock: Sequence[str], ours: str
) -> Comparison:
    """Compare `ours` with the better of the `stock` contenders; each may be missing."""
    summaries = {name: summarise(values) for name, values in samples.items() if values}
    candidates = [name for name in stock if name in summaries]
    if not candidates:
        return Comparison(figure, summaries, None, None, None, None)
    choose = max if figure.better == "higher" else min
    better = choose(candidates, key=lambda name: summaries[name].median)
    if ours not in summaries:
        return Comparison(figure, summaries, better, None, None, None)
    rounds = [
        _ratio(figure.better, mine, theirs)
        for mine, theirs in zip(samples[ours], samples[better], strict=False)
    ]
    ratio = _ratio(figure.better, summaries[ours].median, summaries[better].median)
    return Comparison(figure, summaries, better, ratio, min(rounds), max(rounds))


def _ratio(better: Better, mine: float, theirs: float) -> float:
    return mine / theirs if better == "higher" else theirs / mine
