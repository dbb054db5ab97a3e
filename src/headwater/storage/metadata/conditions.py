"""Expressions as SQL, whatever they are about: what holds a tree together, and comparisons."""

from collections.abc import Callable
from typing import Any

from headwater.entities.expression import Comparison, Expression, Not, Or, Related
from headwater.storage.metadata.base import MATCHES, NUMBER

Sql = tuple[str, list[Any]]
"""A condition and its parameters."""

_ALWAYS = "1 = 1"
_NEGATIVE = frozenset({"!=", "NOT IN", "NOT BETWEEN"})
"""What NaN satisfies."""


def tree_sql(expression: Expression, leaf: Callable[[Comparison | Related], Sql]) -> Sql:
    """Return the condition that an expression states; `leaf` returns its leaves', never NULL."""
    if isinstance(expression, Comparison | Related):
        return leaf(expression)
    if isinstance(expression, Not):
        inner, values = tree_sql(expression.term, leaf)
        return f"NOT ({inner})", values
    word = " OR " if isinstance(expression, Or) else " AND "
    parts = [tree_sql(term, leaf) for term in expression.terms]
    if not parts:
        return _ALWAYS, []
    return f"({word.join(sql for sql, _ in parts)})", [v for _, values in parts for v in values]


def compared(column: str, comparison: Comparison, *, is_text: bool = True) -> Sql:
    """Return the SQL that compares a column with a value; NULL where the column is."""
    operator, value = comparison.operator, comparison.value
    if is_text and comparison.is_numeric:
        column = f"{NUMBER}({column})"
    if isinstance(value, tuple):
        if operator in ("BETWEEN", "NOT BETWEEN"):
            return f"{column} {operator} ? AND ?", list(value)
        return f"{column} {operator} ({', '.join('?' * len(value))})", list(value)
    negation = "NOT " if operator.startswith("NOT ") else ""
    if operator in ("RLIKE", "NOT RLIKE"):
        return f"{negation}{MATCHES}({column}, ?)", [value]
    if operator in ("ILIKE", "NOT ILIKE"):
        return f"lower({column}) {negation}LIKE lower(?)", [value]
    return f"{column} {operator} ?", [value]


def column_sql(column: str, comparison: Comparison, *, is_text: bool) -> Sql:
    """Return the condition on a column of the rows that are searched."""
    if comparison.value is None:
        return f"{column} {comparison.operator}", []
    condition, values = compared(column, comparison, is_text=is_text)
    return f"({column} IS NOT NULL AND {condition})", values


def row_sql(rows: str, key: str, comparison: Comparison, condition: Sql) -> Sql:
    """Return the condition that one of some rows, an alias `t`, has a key and satisfies another.

    `rows` is what stands between ``SELECT 1`` and the key.
    """
    has_key = f'EXISTS (SELECT 1 {rows} AND t."key" = ?'
    if comparison.operator == "IS NOT NULL":
        return f"{has_key})", [key]
    if comparison.operator == "IS NULL":
        return f"NOT {has_key})", [key]
    compared_sql, values = condition
    return f"{has_key} AND {compared_sql})", [key, *values]


def number_or_nan(condition: Sql, comparison: Comparison, is_nan: str) -> Sql:
    """Return a condition on a number, extended to NaN, which is stored as 0 beside a flag."""
    sql, values = condition
    if comparison.operator in _NEGATIVE:
        return f"({sql} OR {is_nan})", values
    return f"{sql} AND NOT {is_nan}", values
