"""Searches for runs whose results are tables: chosen columns, groups, histograms."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from headwater.entities.run_field import ColumnKind, RunField
from headwater.entities.search import RunKey, RunSearch

Function = Literal["count", "min", "max", "mean", "sum"]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One number of each group."""

    function: Function
    of: RunField | None
    """None for the number of runs. Of params, texts that spell numbers are taken as such."""

    @property
    def name(self) -> str:
        """What its column is called, which is how it was asked for."""
        return self.function if self.of is None else f"{self.function}({self.of.name})"


@dataclass(frozen=True, slots=True)
class Grouping:
    """Groups of runs, the largest first."""

    fields: tuple[RunField, ...]
    aggregates: tuple[Aggregate, ...]


@dataclass(frozen=True, slots=True)
class Histogram:
    """How the numbers of a metric or param spread."""

    of: RunField
    bins: int


@dataclass(frozen=True, slots=True)
class TableSearch:
    """A search for runs, and what of them is wanted."""

    search: RunSearch
    fields: tuple[RunField, ...] = ()
    grouping: Grouping | None = None
    histogram: Histogram | None = None
    counted: bool = False
    """Whether the number of all runs that the search finds is wanted."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer."""

    name: str
    kind: ColumnKind
    values: Sequence[Any]
    """None where a run has no such thing; NaN is one."""


@dataclass(frozen=True, slots=True)
class TablePlace:
    """Where a page of a table begins."""

    beyond: RunKey | None = None
    """Of runs: as `RunSearch` has it, and `backwards` too."""

    backwards: bool = False
    offset: int = 0
    """Of groups: how many come before."""


@dataclass(frozen=True, slots=True)
class RunTable:
    """Columns of equal length."""

    columns: Sequence[Column]
    total: int | None = None
    """Runs that the search finds, where they were counted."""

    next: TablePlace | None = None
    """Where the next page begins, or None after the last."""

    previous: TablePlace | None = None
    """Where the page before begins, or None if there is none, or the rows are groups."""

    facts: dict[str, int] = field(default_factory=dict)
    """Of a histogram: how many runs are in none of its bins, and why."""

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.columns[0].values) if self.columns else 0
