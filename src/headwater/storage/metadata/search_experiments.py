"""Find experiments: a search as one statement that returns ids only, in order."""

from typing import Any

from headwater.entities.search import Condition, ExperimentSearch, Ordering
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.experiment_conditions import condition_sql
from headwater.storage.metadata.search_runs import comparison


def find_experiments(connection: Connection, search: ExperimentSearch) -> list[int]:
    """Return the ids of the experiments on the page, and one more where another page follows."""
    statement, parameters = experiments_statement(search)
    return [row[0] for row in connection.execute(statement, parameters)]


def experiments_statement(search: ExperimentSearch) -> tuple[str, list[Any]]:
    """Return the statement that finds experiments, and its parameters."""
    where = [f"experiments.lifecycle_stage IN ({', '.join('?' * len(search.stages))})"]
    values: list[Any] = [*search.stages]
    for condition in search.conditions:
        clause, clause_values = _clause(condition)
        where.append(clause)
        values.extend(clause_values)
    if search.expression is not None:
        stated, stated_values = condition_sql(search.expression)
        where.append(stated)
        values.extend(stated_values)
    statement = (
        f"SELECT experiments.experiment_id FROM experiments WHERE {' AND '.join(where)} "  # noqa: S608  # values are parameters
        f"ORDER BY {', '.join(_order(search.orderings))} LIMIT ? OFFSET ?"
    )
    return statement, [*values, search.page.limit + 1, search.page.offset]


def _clause(condition: Condition) -> tuple[str, list[Any]]:
    if condition.source == "attribute":
        return comparison(f"experiments.{condition.key}", condition)
    has_key = (
        "EXISTS (SELECT 1 FROM experiment_tags AS t "
        'WHERE t.experiment_id = experiments.experiment_id AND t."key" = ?'
    )
    if condition.operator == "IS NOT NULL":
        return f"{has_key})", [condition.key]
    if condition.operator == "IS NULL":
        return f"NOT {has_key})", [condition.key]
    compared, values = comparison("t.value", condition)
    return f"{has_key} AND {compared})", [condition.key, *values]


def _order(orderings: tuple[Ordering, ...]) -> list[str]:
    """Ties go to the newest id unless ids are ordered explicitly."""
    terms = [
        f"experiments.{ordering.key} {'ASC' if ordering.ascending else 'DESC'}"
        for ordering in orderings
    ]
    if not any(ordering.key == "experiment_id" for ordering in orderings):
        terms.append("experiments.experiment_id DESC")
    return terms
