"""Which params matter for a metric: what runs say of it, and how far it can be relied on."""

from dataclasses import dataclass
from typing import Literal

ParamKind = Literal["number", "category", "number and category"]


@dataclass(frozen=True)
class ParamImportance:
    """How much one param matters; shares of a variance, in most cases between 0 and 1."""

    param: str
    permutation: float
    """By how much the squared error of a tree grows on runs that it has not seen when they swap
    their values of the param, divided by the variance of the metric; up to 2, and around 0 (also
    below) where the param does not matter."""

    permutation_low: float
    permutation_high: float
    """Between these are 95 % of the trees."""

    variance: float
    """Share of the variance of the model that the param explains by itself."""

    variance_low: float
    variance_high: float
    """Between these are 95 % of the trees."""

    kind: ParamKind
    scale: Literal["log", "linear"] | None
    """How its numbers are spread; None where it has none. The model knows only their order."""

    distinct: int
    """Values that it has; being absent is one."""

    absent: int
    """Runs that lack it."""


@dataclass(frozen=True)
class Interaction:
    """What two params explain together, beyond what each does by itself."""

    a: str
    b: str
    variance: float
    """Share of the variance of the model."""

    variance_low: float
    variance_high: float


@dataclass(frozen=True)
class LeftOut:
    """A param that was not looked at."""

    param: str
    reason: str


@dataclass(frozen=True)
class Association:
    """Two params that change together, so that their importances cannot be told apart."""

    a: str
    b: str
    strength: float
    """Between 0 and 1."""

    method: str


@dataclass(frozen=True)
class Importance:
    """The params, the most important first by permutation, and what to know before believing it."""

    metric: str
    runs: int
    """That have a finite value of the metric."""

    unusable: int
    """Runs that have none and were left out."""

    r_squared: float
    """Share of the metric's variance that the forest explains on runs that its trees have not seen
    (out of bag); 0 is no better than the mean."""

    params: tuple[ParamImportance, ...]
    interactions: tuple[Interaction, ...]
    """Of the params that explain most by themselves."""

    left_out: tuple[LeftOut, ...]
    associations: tuple[Association, ...]
    trees: int
    seed: int
    warnings: tuple[str, ...]
