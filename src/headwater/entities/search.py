"""What a search asks for, whatever text asked for it."""

from dataclasses import dataclass
from typing import Literal

from headwater.entities.expression import Expression, Source, Statistic

Operator = Literal[
    "=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE", "IN", "NOT IN", "IS NULL", "IS NOT NULL"
]


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison that every result satisfies."""

    source: Source
    key: str
    """The metric, parameter or tag; an attribute by its name in MLflow's filters."""

    operator: Operator
    value: str | int | float | tuple[str, ...] | tuple[int | float, ...] | None
    """A tuple for IN and NOT IN, None for IS [NOT] NULL."""


@dataclass(frozen=True, slots=True)
class Ordering:
    """What results are sorted by; those without a value come last either way."""

    source: Source
    key: str
    ascending: bool
    statistic: Statistic | None = None
    """As `Field` has it."""

    shadowed_by: str | None = None
    """As `Field` has it."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which of the sorted results are wanted."""

    offset: int
    limit: int


RunKey = tuple[str | int | float | None, ...]
"""Where a run is in an order: a rank and a value for each ordering, then its id.

The rank is 0 where there is a value, and more for NaN and for nothing, which have none.
"""


@dataclass(frozen=True, slots=True)
class RunSearch:
    """A search for runs."""

    experiment_ids: tuple[int, ...]
    stages: tuple[str, ...]
    """Lifecycle stages: ``active``, ``deleted`` or both."""

    conditions: tuple[Condition, ...]
    orderings: tuple[Ordering, ...]
    """The newest come first among equals, then ids decide."""

    page: Page
    expression: Expression | None = None
    """What results satisfy besides the conditions."""

    beyond: RunKey | None = None
    """Where results begin that are wanted: after this key, or before it if `backwards`."""

    backwards: bool = False
    """Whether results are wanted from the last to the first."""


@dataclass(frozen=True, slots=True)
class ExperimentSearch:
    """A search for experiments; its conditions and orderings name attributes and tags only."""

    stages: tuple[str, ...]
    conditions: tuple[Condition, ...]
    orderings: tuple[Ordering, ...]
    page: Page
    expression: Expression | None = None
    """What results satisfy besides the conditions."""
