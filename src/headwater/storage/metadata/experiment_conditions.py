"""Expressions over experiments as SQL: a condition on ``experiments`` that is never NULL."""

from headwater.entities.expression import Comparison, Expression, Related
from headwater.storage.metadata.conditions import Sql, column_sql, compared, row_sql, tree_sql

_ROWS = "FROM experiment_tags AS t WHERE t.experiment_id = experiments.experiment_id"


def condition_sql(expression: Expression) -> Sql:
    """Return the condition that an expression on attributes and tags states."""
    return tree_sql(expression, _leaf)


def _leaf(leaf: Comparison | Related) -> Sql:
    assert isinstance(leaf, Comparison), "experiments have no relatives"
    if leaf.field.source == "tag":
        return row_sql(_ROWS, leaf.field.key, leaf, compared("t.value", leaf))
    is_text = leaf.field.key == "name"
    return column_sql(f"experiments.{leaf.field.key}", leaf, is_text=is_text)
