"""Comparisons with summaries of series as SQL.

The summary rows tell of compacted points only. Series that have others come as `SeriesFacts`,
already computed, and are compared here.
"""

import json
from collections.abc import Callable, Iterable

from headwater.entities.expression import Comparison, SeriesFacts, Statistic, Statistics
from headwater.storage.metadata.base import PAIRS
from headwater.storage.metadata.conditions import Sql, compared, number_or_nan, row_sql

_FINITE = "({0}.points - {0}.nans - {0}.infinities)"
_COLUMNS: dict[Statistic, str] = {
    "min": "{0}.minimum_value",
    "max": "{0}.maximum_value",
    "first": "{0}.first_value",
    "mean": f"(CASE WHEN {_FINITE} > 0 THEN {{0}}.total / {_FINITE} END)",
    "count": "{0}.points",
}

_COMPARATORS: dict[str, Callable[[float, float], bool]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def statistic_column(alias: str, statistic: Statistic) -> str:
    """Return the SQL of a summary from a row of ``headwater_metric_series``."""
    return _COLUMNS[statistic].format(alias)


def statistic_sql(run: str, comparison: Comparison, facts: SeriesFacts) -> Sql:
    """Return the condition on a summary of a run's metric."""
    key, statistic = comparison.field.key, comparison.field.statistic
    assert statistic is not None
    stored, values = _stored(run, key, statistic, comparison)
    loose = facts.loose.get(key)
    if not loose:
        return stored, values
    satisfied = [run_id for run_id, of in loose.items() if satisfies(of, statistic, comparison)]
    return (
        f"({run}.run_uuid IN (SELECT o.key FROM {PAIRS}(?) AS o) OR "  # noqa: S608  # an alias
        f"({run}.run_uuid NOT IN (SELECT o.key FROM {PAIRS}(?) AS o) AND {stored}))"
    ), [_set(satisfied), _set(loose), *values]


def satisfies(statistics: Statistics, statistic: Statistic, comparison: Comparison) -> bool:
    """Say whether a series' summary satisfies a comparison."""
    value: float | None = getattr(statistics, statistic)
    operator, compared_with = comparison.operator, comparison.value
    if operator in ("IS NULL", "IS NOT NULL"):
        return (value is None) == (operator == "IS NULL")
    if value is None:
        return False
    negated = operator.startswith("NOT ")
    if isinstance(compared_with, tuple):
        if operator.endswith("BETWEEN"):
            low, high = compared_with
            found = float(low) <= value <= float(high)
        else:
            found = value in compared_with
        return found != negated
    assert isinstance(compared_with, int | float)
    return _COMPARATORS[operator](value, compared_with)


def _stored(run: str, key: str, statistic: Statistic, comparison: Comparison) -> Sql:
    column = statistic_column("t", statistic)
    rows = f"FROM headwater_metric_series AS t WHERE t.run_uuid = {run}.run_uuid"
    condition = compared(column, comparison, is_text=False)
    if statistic == "first":
        condition = number_or_nan(condition, comparison, "t.first_is_nan")
    else:
        rows += f" AND {column} IS NOT NULL"
    return row_sql(rows, key, comparison, condition)


def _set(run_ids: Iterable[str]) -> str:
    return json.dumps(dict.fromkeys(run_ids, ""))
