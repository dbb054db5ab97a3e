"""Expressions over runs as SQL: a condition on the table ``runs`` that is never NULL.

Metrics, parameters and tags are looked up run by run, by the primary keys of their tables.
"""

from dataclasses import dataclass

from headwater.entities.expression import (
    Comparison,
    Expression,
    Related,
    SeriesFacts,
)
from headwater.storage.metadata.conditions import (
    Sql,
    column_sql,
    compared,
    number_or_nan,
    row_sql,
    tree_sql,
)
from headwater.storage.metadata.statistic_conditions import statistic_sql

NO_FACTS = SeriesFacts()
_TABLES = {"metric": "latest_metrics", "param": "params", "tag": "tags"}
_RUN_NAME_TAG = "mlflow.runName"
_CONTEXT_TAG = "mlflow.data.context"
_PARENT_TAG = "mlflow.parentRunId"
_COLUMNS = {"run_id": "run_uuid"}
_NUMBERS = frozenset({"start_time", "end_time", "duration"})

_OF_PARENT = (
    "EXISTS (SELECT 1 FROM tags AS link JOIN runs AS parent ON parent.run_uuid = link.value "  # noqa: S608  # constants
    f"WHERE link.run_uuid = runs.run_uuid AND link.\"key\" = '{_PARENT_TAG}' "
    "AND parent.lifecycle_stage = 'active' AND "
)
# Not by run: nothing leads from a parent to its children but reading all that have one.
_OF_CHILDREN = (
    "runs.run_uuid IN (SELECT link.value FROM tags AS link "  # noqa: S608  # constants
    "JOIN runs AS child ON child.run_uuid = link.run_uuid "
    f"WHERE link.\"key\" = '{_PARENT_TAG}' AND link.value IS NOT NULL "
    "AND child.lifecycle_stage = 'active' AND "
)


def condition_sql(
    expression: Expression, facts: SeriesFacts = NO_FACTS, *, nan_never_matches: bool = True
) -> Sql:
    """Return the condition on the rows of ``runs`` that an expression states, and its parameters.

    `facts` are `metrics.series_facts`' where the expression names summaries of series.
    `nan_never_matches` is `Behaviour`'s.
    """
    writer = _Writer(facts, nan_never_matches)
    return tree_sql(expression, writer.leaf)


def duration_sql(run: str) -> str:
    """Return the SQL of how long a run took, in milliseconds; NULL while it runs."""
    return f"({run}.end_time - {run}.start_time)"


@dataclass(frozen=True)
class _Writer:
    facts: SeriesFacts
    nan_never_matches: bool

    def leaf(self, leaf: Comparison | Related) -> Sql:
        if isinstance(leaf, Comparison):
            return self.comparison("runs", leaf)
        is_parent = leaf.relation == "parent"
        condition, values = self.comparison("parent" if is_parent else "child", leaf.comparison)
        return f"{_OF_PARENT if is_parent else _OF_CHILDREN}{condition})", values

    def comparison(self, run: str, comparison: Comparison) -> Sql:
        field = comparison.field
        if field.source == "attribute":
            return _attribute_sql(run, comparison)
        if field.source == "dataset":
            return _dataset_sql(run, comparison)
        key, exact_nan = field.key, self.nan_never_matches
        if field.shadowed_by in self.facts.metrics and field.shadowed_by is not None:
            key = field.shadowed_by
        elif field.statistic == "last":
            exact_nan = True
        elif field.statistic is not None:
            return statistic_sql(run, comparison, self.facts)
        condition = compared("t.value", comparison, is_text=field.source != "metric")
        if field.source == "metric" and exact_nan and comparison.value is not None:
            condition = number_or_nan(condition, comparison, "t.is_nan")
        return row_sql(_rows(_TABLES[field.source], run), key, comparison, condition)


def _rows(table: str, run: str) -> str:
    return f"FROM {table} AS t WHERE t.run_uuid = {run}.run_uuid"


def _attribute_sql(run: str, comparison: Comparison) -> Sql:
    key = comparison.field.key
    if key == "run_name":  # MLflow compares a run's name through its tag
        condition = compared("t.value", comparison)
        return row_sql(_rows("tags", run), _RUN_NAME_TAG, comparison, condition)
    column = duration_sql(run) if key == "duration" else f"{run}.{_COLUMNS.get(key, key)}"
    return column_sql(column, comparison, is_text=key not in _NUMBERS)


def _dataset_sql(run: str, comparison: Comparison) -> Sql:
    """Any of a run's datasets may satisfy it; only runs are destinations of datasets."""
    rows = (
        "SELECT 1 FROM inputs AS i JOIN datasets AS d ON d.dataset_uuid = i.source_id {}"  # noqa: S608  # values are parameters
        f"WHERE i.destination_type = 'RUN' AND i.destination_id = {run}.run_uuid AND "
    )
    if comparison.field.key == "context":
        condition, values = compared("it.value", comparison)
        rows = rows.format("JOIN input_tags AS it ON it.input_uuid = i.input_uuid ")
        return f"EXISTS ({rows}it.name = ? AND {condition})", [_CONTEXT_TAG, *values]
    condition, values = compared(f"d.{comparison.field.key}", comparison)
    return f"EXISTS ({rows.format('')}{condition})", values
