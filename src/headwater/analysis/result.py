"""What tests return: frozen records of plain numbers and words, which serialise as they are."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A confidence (or credible) interval, both ends included; one-sided ones end at infinity."""

    low: float
    high: float
    level: float
    """Of confidence that was asked for, between 0 and 1."""

    method: str

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True)
class HypothesisTest:
    """The outcome of one test of a null hypothesis."""

    method: str
    """Name of the test, with the variant that was used."""

    null: str
    """The hypothesis that a small p-value speaks against, in words."""

    statistic_name: str
    statistic: float
    df: tuple[float, ...]
    """Degrees of freedom of the statistic's distribution; empty where it has none."""

    p_value: float
    alternative: str
    """``two-sided``, ``greater`` (a over b) or ``less``."""

    exact: bool
    """Whether the p-value needs no approximation (given the assumptions)."""

    sizes: tuple[int, ...]
    """How many values of each group were used; pairs count once."""

    estimate_name: str = ""
    estimate: float | None = None
    standard_error: float | None = None
    interval: Interval | None = None
    """Of the estimate."""

    assumptions: tuple[str, ...] = ()
    """What has to hold for the p-value to mean what it says."""

    warnings: tuple[str, ...] = ()
    """What a reader must know of these data before believing the result."""
