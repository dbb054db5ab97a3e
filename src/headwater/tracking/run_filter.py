"""What the filters of searches for runs mean: MLflow's language first, then its superset.

The ordinary grammar of MLflow's filters is read without loading a parser. Whatever else MLflow
accepts is left to it, and whatever is in neither language, too, unless it was meant for ours.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import cast, get_args

from headwater.entities.expression import And, Comparison, Expression, comparisons, joined
from headwater.entities.search import Condition, Operator
from headwater.errors import InvalidParameterError, NotServedError
from headwater.mlflow_release import Behaviour
from headwater.tracking.search_filter import (
    COMPARISONS,
    NULL_CHECKS,
    TEXT_COMPARISONS,
    run_conditions,
)
from headwater.tracking.search_language.filters import Subject, parse
from headwater.tracking.search_language.meant import is_meant

_SUMMARY = re.compile(r"\.(?:min|max|first|last|mean|count)\b", re.ASCII)


@dataclass(frozen=True, slots=True)
class Filter:
    """What results satisfy: all conditions, and the expression where there is one."""

    conditions: tuple[Condition, ...]
    expression: Expression | None = None


def parse_run_filter(text: str, *, now_ms: int) -> Expression:
    """Return what a filter on runs says; the empty text is true of every run.

    Every filter that MLflow accepts, and that this language can say, means what it means there.
    ``now()`` is `now_ms`, in milliseconds since 1970.

    Raises:
        InvalidParameterError: the text is not a filter; the message points at the place.
    """
    return parse(text, "runs", now_ms).expression


def plan_run_filter(text: str, behaviour: Behaviour, now_ms: int) -> Filter:
    """Return what a filter on runs means that a client of MLflow sends.

    Raises:
        InvalidParameterError: it is meant for the superset, which does not know it.
        NotServedError: MLflow must answer, be it with a refusal.
    """
    return plan_filter(text, "runs", now_ms, partial(run_conditions, behaviour=behaviour))


def plan_filter(
    text: str, subject: Subject, now_ms: int, ordinary: Callable[[str], tuple[Condition, ...]]
) -> Filter:
    """Return what a filter means; `ordinary` reads those of the ordinary grammar."""
    try:
        conditions = ordinary(text)
    except NotServedError:
        return _plan_superset(text, subject, now_ms)
    if _SUMMARY.search(text):
        return _with_summaries(text, subject, now_ms, conditions)
    return Filter(conditions)


def _plan_superset(text: str, subject: Subject, now_ms: int) -> Filter:
    try:
        parsed = parse(text, subject, now_ms)
    except InvalidParameterError as error:
        if is_meant(text):
            raise
        raise NotServedError(str(error)) from error
    if parsed.is_plain:
        raise NotServedError(f"MLflow's own to read: {text}")
    return _split(parsed.expression)


def _with_summaries(
    text: str, subject: Subject, now_ms: int, conditions: tuple[Condition, ...]
) -> Filter:
    """Read metrics whose names end like a summary's as such, should there be none of that name."""
    try:
        expression = parse(text, subject, now_ms).expression
    except InvalidParameterError:
        return Filter(conditions)
    pairs = list(zip(conditions, _terms(expression), strict=True))
    summaries = [term for _, term in pairs if _is_shadowed(term)]
    plain = tuple(condition for condition, term in pairs if not _is_shadowed(term))
    return Filter(plain, joined(tuple(summaries)) if summaries else None)


def _is_shadowed(term: Expression) -> bool:
    return any(comparison.field.shadowed_by for comparison in comparisons(term))


def _split(expression: Expression) -> Filter:
    """Take out what can be said as conditions: rows are joined for these, which is faster."""
    conditions: list[Condition] = []
    others: list[Expression] = []
    for term in _terms(expression):
        condition = _as_condition(term)
        if condition is None:
            others.append(term)
        else:
            conditions.append(condition)
    return Filter(tuple(conditions), joined(tuple(others)) if others else None)


def _terms(expression: Expression) -> tuple[Expression, ...]:
    return expression.terms if isinstance(expression, And) else (expression,)


def _as_condition(term: Expression) -> Condition | None:
    """Return a term of the superset as a condition of MLflow's language, where it is one."""
    if not isinstance(term, Comparison) or term.operator not in get_args(Operator):
        return None
    field, operator = term.field, term.operator
    if field.statistic is not None or (field.source, field.key) == ("attribute", "duration"):
        return None
    if field.source == "metric" or isinstance(term.value, int):
        known = field.source in ("metric", "attribute") and operator in COMPARISONS
    elif field.source in ("param", "tag") and operator in NULL_CHECKS:
        known = True
    else:
        known = operator in TEXT_COMPARISONS and isinstance(term.value, str)
    if not known:
        return None
    return Condition(field.source, field.key, cast(Operator, operator), term.value)
