"""Find runs: a search as one statement that returns ids only, in order.

Wide rows are never sorted: whole runs are read afterwards, for the page alone. Each run has at most
one row a key in ``latest_metrics``, ``params`` and ``tags``, so that joins need no DISTINCT.
"""

from typing import Any

from headwater.entities.expression import SeriesFacts
from headwater.entities.search import Condition, Ordering, RunSearch
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.run_conditions import NO_FACTS, condition_sql, duration_sql
from headwater.storage.metadata.statistic_orderings import (
    latest_key,
    statistic_join,
    statistic_terms,
)

_TABLES = {"metric": "latest_metrics", "param": "params", "tag": "tags"}
_COLUMNS = {"run_id": "run_uuid", "run_name": "name"}
_RUN_NAME_TAG = "mlflow.runName"
_CONTEXT_TAG = "mlflow.data.context"


def find_runs(
    connection: Connection,
    search: RunSearch,
    facts: SeriesFacts = NO_FACTS,
    *,
    nan_never_matches: bool,
) -> list[str]:
    """Return the ids of the runs on the page, and one more where another page follows.

    `facts` are `series_facts`' of the search.
    """
    statement, parameters = runs_statement(search, facts, nan_never_matches=nan_never_matches)
    return [row[0] for row in connection.execute(statement, parameters)]


def runs_statement(
    search: RunSearch, facts: SeriesFacts = NO_FACTS, *, nan_never_matches: bool
) -> tuple[str, list[Any]]:
    """Return the statement that finds runs, and its parameters.

    `nan_never_matches` is `Behaviour`'s: NaN is stored as 0 beside a flag, and older releases of
    MLflow compare that 0.
    """
    joins: list[str] = []
    join_values: list[Any] = []
    for number, condition in enumerate(search.conditions):
        if _is_joined(condition):
            join, values = _join(f"c{number}", condition, nan_never_matches)
            joins.append(join)
            join_values.extend(values)
    for number, ordering in enumerate(search.orderings):
        if ordering.source in _TABLES:
            join, values = _ordering_join(number, ordering, facts)
            joins.append(join)
            join_values.extend(values)
    where, where_values = _where(search)
    if search.expression is not None:
        stated, values = condition_sql(
            search.expression, facts, nan_never_matches=nan_never_matches
        )
        where.append(stated)
        where_values.extend(values)
    statement = (
        f"SELECT runs.run_uuid FROM runs {' '.join(joins)} WHERE {' AND '.join(where)} "  # noqa: S608  # values are parameters
        f"ORDER BY {', '.join(_order(search.orderings, facts))} LIMIT ? OFFSET ?"
    )
    page = search.page
    return statement, [*join_values, *where_values, page.limit + 1, page.offset]


def comparison(expression: str, condition: Condition) -> tuple[str, list[Any]]:
    """Return the SQL that compares an expression as a condition says, and its parameters."""
    value = condition.value
    if isinstance(value, tuple):
        return f"{expression} {condition.operator} ({', '.join('?' * len(value))})", list(value)
    if condition.operator == "ILIKE":
        return f"lower({expression}) LIKE lower(?)", [value]
    return f"{expression} {condition.operator} ?", [value]


def _is_joined(condition: Condition) -> bool:
    if condition.source == "attribute":
        return condition.key == "run_name"
    return condition.source in _TABLES and condition.value is not None


def _join(alias: str, condition: Condition, nan_never_matches: bool) -> tuple[str, list[Any]]:
    """Join the rows of one metric, parameter or tag that satisfy a condition.

    MLflow compares a run's name through its tag.
    """
    table = _TABLES.get(condition.source, "tags")
    key = condition.key if condition.source in _TABLES else _RUN_NAME_TAG
    compared, values = comparison(f"{alias}.value", condition)
    if condition.source == "metric" and nan_never_matches:
        if condition.operator == "!=":
            compared = f"({compared} OR {alias}.is_nan)"
        else:
            compared = f"{compared} AND NOT {alias}.is_nan"
    return (
        f"JOIN {table} AS {alias} ON {alias}.run_uuid = runs.run_uuid "
        f'AND {alias}."key" = ? AND {compared}'
    ), [key, *values]


def _ordering_join(number: int, ordering: Ordering, facts: SeriesFacts) -> tuple[str, list[Any]]:
    key = latest_key(ordering, facts)
    if key is None:
        return statistic_join(number, ordering, facts)
    return (
        f"LEFT JOIN {_TABLES[ordering.source]} AS o{number} "
        f'ON o{number}.run_uuid = runs.run_uuid AND o{number}."key" = ?'
    ), [key]


def _where(search: RunSearch) -> tuple[list[str], list[Any]]:
    where = [
        f"runs.experiment_id IN ({', '.join('?' * len(search.experiment_ids))})",
        f"runs.lifecycle_stage IN ({', '.join('?' * len(search.stages))})",
    ]
    values: list[Any] = [*search.experiment_ids, *search.stages]
    for condition in search.conditions:
        if not _is_joined(condition):
            clause, clause_values = _clause(condition)
            where.append(clause)
            values.extend(clause_values)
    return where, values


def _clause(condition: Condition) -> tuple[str, list[Any]]:
    if condition.source == "attribute":
        return comparison(f"runs.{_COLUMNS.get(condition.key, condition.key)}", condition)
    if condition.source == "dataset":
        return _dataset_clause(condition)
    negation = "NOT " if condition.operator == "IS NULL" else ""
    table = _TABLES[condition.source]
    return (
        f"{negation}EXISTS (SELECT 1 FROM {table} AS t "  # noqa: S608  # the tables above
        'WHERE t.run_uuid = runs.run_uuid AND t."key" = ?)'
    ), [condition.key]


def _dataset_clause(condition: Condition) -> tuple[str, list[Any]]:
    """Any of a run's datasets may satisfy the condition; only runs are destinations of datasets."""
    if condition.key == "context":
        compared, values = comparison("it.value", condition)
        compared = f"it.name = ? AND {compared}"
        values = [_CONTEXT_TAG, *values]
        tags = "JOIN input_tags AS it ON it.input_uuid = i.input_uuid "
    else:
        compared, values = comparison(f"d.{condition.key}", condition)
        tags = ""
    return (
        "EXISTS (SELECT 1 FROM inputs AS i JOIN datasets AS d ON d.dataset_uuid = i.source_id "  # noqa: S608  # values are parameters
        f"{tags}WHERE i.destination_type = 'RUN' AND i.destination_id = runs.run_uuid "
        f"AND {compared})"
    ), values


def _order(orderings: tuple[Ordering, ...], facts: SeriesFacts) -> list[str]:
    """Runs without a value come last, after NaN; then the newest first, then by id."""
    terms: list[str] = []
    for number, ordering in enumerate(orderings):
        direction = "" if ordering.ascending else " DESC"
        if ordering.source == "attribute":
            column = f"runs.{_COLUMNS.get(ordering.key, ordering.key)}"
            if ordering.key == "duration":
                column = duration_sql("runs")
            terms.append(f"CASE WHEN {column} IS NULL THEN 1 ELSE 0 END")
            terms.append(f"{column}{direction}")
            continue
        if latest_key(ordering, facts) is None:
            terms.extend(statistic_terms(number, ordering, facts))
            continue
        value = f"o{number}.value"
        is_nan = f"WHEN o{number}.is_nan THEN 1 " if ordering.source == "metric" else ""
        terms.append(f"CASE {is_nan}WHEN {value} IS NULL THEN 2 ELSE 0 END")
        terms.append(f"{value}{direction}")
    if not any((order.source, order.key) == ("attribute", "start_time") for order in orderings):
        terms.append("runs.start_time DESC")
    terms.append("runs.run_uuid")
    return terms
