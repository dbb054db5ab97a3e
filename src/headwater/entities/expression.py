"""A filter of a search as a tree: what results satisfy, whatever text asked for it.

Every node is either true or false of a run or an experiment. A comparison with what is not there
is false, `IS NULL` apart; so its negation by `Not` is true there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

Source = Literal["metric", "param", "tag", "attribute", "dataset"]
Statistic = Literal["min", "max", "first", "last", "mean", "count"]
Relation = Literal["parent", "children"]
Comparator = Literal[
    "=",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "LIKE",
    "ILIKE",
    "RLIKE",
    "IN",
    "BETWEEN",
    "NOT LIKE",
    "NOT ILIKE",
    "NOT RLIKE",
    "NOT IN",
    "NOT BETWEEN",
    "IS NULL",
    "IS NOT NULL",
]
"""The ones that begin with NOT, like ``!=``, are true only of what is there."""

Value = str | int | float | tuple[str, ...] | tuple[int | float, ...] | None
"""Of IN a tuple, of BETWEEN its two bounds, of RLIKE the pattern as `search_language.pattern`
normalises it, of IS NULL None. Times and durations are in milliseconds."""


@dataclass(frozen=True, slots=True)
class Field:
    """What is compared or sorted by."""

    source: Source
    key: str
    """The metric, parameter or tag; an attribute by its name in MLflow's filters, or
    ``duration``."""

    statistic: Statistic | None = None
    """Of all points of the metric, where not its latest value is meant."""

    shadowed_by: str | None = None
    """A metric of this name is meant instead, should one exist: MLflow allows dots in names."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field compared with a value."""

    field: Field
    operator: Comparator
    value: Value

    @property
    def is_numeric(self) -> bool:
        """Whether it compares with numbers: then texts that spell none never match."""
        value = self.value[0] if isinstance(self.value, tuple) else self.value
        return isinstance(value, int | float)


@dataclass(frozen=True, slots=True)
class Related:
    """True of runs whose parent, or one of whose children, satisfies a comparison.

    Deleted parents and children do not count.
    """

    relation: Relation
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Not:
    """True where the term is false."""

    term: "Expression"


@dataclass(frozen=True, slots=True)
class And:
    """True where every term is."""

    terms: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True where at least one term is."""

    terms: tuple["Expression", ...]


Expression = Comparison | Related | Not | And | Or


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the points of a series come to, exact duplicates counted once.

    Infinities are stored as the largest numbers there are, and count as these but in the mean.
    """

    min: float | None
    """Of the numbers; None where there are only NaN, as `max`."""

    max: float | None
    first: float
    """At the lowest step; may be NaN."""

    mean: float | None
    """Of the finite numbers; None where there are none."""

    count: int
    """Points, NaN included."""


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """What the metric engine knows about the series that a search names."""

    metrics: frozenset[str] = frozenset()
    """Those of the names in `Field.shadowed_by` that are metrics."""

    loose: Mapping[str, Mapping[str, Statistics]] = field(default_factory=dict)
    """By metric and run: the series of which not all points are in a summary row."""


def leaves(expression: Expression) -> Iterator[Comparison | Related]:
    """Yield what an expression joins, from left to right."""
    if isinstance(expression, Comparison | Related):
        yield expression
    elif isinstance(expression, Not):
        yield from leaves(expression.term)
    else:
        for term in expression.terms:
            yield from leaves(term)


def comparisons(expression: Expression) -> Iterator[Comparison]:
    """Yield every comparison of an expression, those of relatives included."""
    for leaf in leaves(expression):
        yield leaf.comparison if isinstance(leaf, Related) else leaf


def joined(terms: tuple[Expression, ...]) -> Expression:
    """Return what is true where every term is; one term stays as it is."""
    return terms[0] if len(terms) == 1 else And(terms)
