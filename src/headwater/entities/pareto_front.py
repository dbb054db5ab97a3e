"""The Pareto front of runs: those that no other run beats in all objectives."""

from dataclasses import dataclass
from typing import Literal

Direction = Literal["max", "min"]


@dataclass(frozen=True)
class Objective:
    """A metric, and whether more of it is better."""

    metric: str
    direction: Direction


@dataclass(frozen=True)
class JudgedRun:
    """A run with a value of every objective."""

    run_id: str
    run_name: str | None
    values: tuple[float, ...]
    """In the order of the objectives."""

    on_front: bool


@dataclass(frozen=True)
class UnusableRun:
    """A run that lacks a finite value of an objective."""

    run_id: str
    metrics: tuple[str, ...]
    """Those that it lacks."""


@dataclass(frozen=True)
class RunFront:
    """The runs, those on the front first, from the best to the worst in the first objective."""

    objectives: tuple[Objective, ...]
    runs: tuple[JudgedRun, ...]
    duplicates: tuple[tuple[str, ...], ...]
    """Ids of runs on the front that are equal in all objectives; each is on it."""

    unusable: tuple[UnusableRun, ...]
    reference: tuple[float, ...] | None
    hypervolume: float | None
    """Of what the front dominates, up to the reference point; None without one."""

    warnings: tuple[str, ...]

    @property
    def front(self) -> tuple[JudgedRun, ...]:
        """The runs on the front."""
        return tuple(run for run in self.runs if run.on_front)
