"""A search for runs as one statement that returns ids only, in order.

Wide rows are never sorted: whole runs are read afterwards, for the page alone. Each run has at most
one row a key in ``latest_metrics``, ``params`` and ``tags``, so that joins need no DISTINCT.
"""

from dataclasses import dataclass
from typing import Any, Literal

from headwater.entities.expression import SeriesFacts
from headwater.entities.search import Condition, RunSearch
from headwater.storage.metadata.run_conditions import NO_FACTS, condition_sql
from headwater.storage.metadata.run_order import (
    Part,
    Statement,
    beyond_sql,
    order_sql,
    ordering_join,
    orders_by_metric,
)
from headwater.storage.migrations.search_indexes import PREFIX

Start = Literal["runs", "ordering"]
Bounds = tuple[tuple[str, Any], ...]
Pair = tuple[int, str]
"""An experiment and a lifecycle stage."""

_TABLES = {"metric": "latest_metrics", "param": "params", "tag": "tags"}
_COLUMNS = {"run_id": "run_uuid", "run_name": "name"}
_RUN_NAME_TAG = "mlflow.runName"
_CONTEXT_TAG = "mlflow.data.context"


@dataclass(frozen=True, slots=True)
class Route:
    """Where a statement begins to read, and which of the results it returns."""

    start: Start | int | None = None
    """The table of runs, the order of the first ordering's metric, or what an index finds for a
    condition, by its number; the tables that follow are read row by row. None leaves it to the
    database."""

    part: Part = "all"
    """All runs, or those of which what decides the order first is a number or a NaN. That is the
    first ordering's metric, else the start time. A part is found by a walk along an index."""

    bounds: Bounds = ()
    """What the number is compared with."""


ANY_ROUTE = Route()


def runs_statement(
    search: RunSearch,
    facts: SeriesFacts = NO_FACTS,
    *,
    nan_never_matches: bool,
    route: Route = ANY_ROUTE,
) -> Statement:
    """Return the statement that finds runs, and its parameters.

    `facts` are `series_facts`' of the search. `nan_never_matches` is `Behaviour`'s: NaN is stored
    as 0 beside a flag, and older releases of MLflow compare that 0.
    """
    source, values = _source(search, facts, route, nan_never_matches, ordered=True)
    order = order_sql(search, facts, route.part)
    page = search.page
    return (
        f"SELECT runs.run_uuid FROM {source} ORDER BY {order} LIMIT ? OFFSET ?",  # noqa: S608  # values are parameters
        [*values, page.limit + 1, page.offset],
    )


def matching_statement(
    search: RunSearch,
    facts: SeriesFacts = NO_FACTS,
    *,
    nan_never_matches: bool,
    route: Route = ANY_ROUTE,
    selected: Literal["runs.*", "count(*)"] = "runs.*",
) -> Statement:
    """Return the statement that finds the rows of all runs in no order, or counts them.

    Whatever the page; the rest is as `runs_statement` takes it.
    """
    source, values = _source(search, facts, route, nan_never_matches, ordered=False)
    return f"SELECT {selected} FROM {source}", values  # noqa: S608  # values are parameters


def _source(
    search: RunSearch, facts: SeriesFacts, route: Route, nan_never_matches: bool, *, ordered: bool
) -> Statement:
    """Return what follows FROM, up to the conditions, and its parameters."""
    joined = [n for n, condition in enumerate(search.conditions) if _is_joined(condition)]
    by_metric = route.part != "all" and orders_by_metric(search.orderings)
    tables = ["runs", *(["latest_metrics AS o0"] if by_metric else [])]
    tables += [f"{_table(search.conditions[n])} AS c{n}" for n in joined]
    values: list[Any] = []
    candidates = _candidates(search, route, nan_never_matches)
    first: str | None = None
    if candidates is not None:
        sql, values = candidates
        first = "candidates"
        tables.insert(0, f"({sql}) AS candidates")
    elif isinstance(route.start, int):
        first = f"c{route.start}"
        table = f"{_table(search.conditions[route.start])} AS {first}"
        tables.sort(key=lambda each: each != table)
    # SQLite reads tables that are CROSS JOINed in the order given; PostgreSQL in that it likes.
    between = " JOIN {} ON TRUE" if route.start is None else " CROSS JOIN {}"
    source = tables[0] + "".join(between.format(table) for table in tables[1:])
    for number, ordering in enumerate(search.orderings if ordered else ()):
        if ordering.source in _TABLES and not (by_metric and number == 0):
            join, join_values = ordering_join(number, ordering, facts)
            source += f" {join}"
            values = [*values, *join_values]
    where, where_values = _where(search, first)
    if search.expression is not None:
        stated, stated_values = condition_sql(
            search.expression, facts, nan_never_matches=nan_never_matches
        )
        where.append(stated)
        where_values.extend(stated_values)
    beyond = beyond_sql(search, facts) if ordered else None
    if beyond is not None:
        where.append(_row_by_row(beyond[0], first))
        where_values.extend(beyond[1])
    part, part_values = _part(search, route)
    if candidates is not None:
        part.append("candidates.run_uuid = runs.run_uuid")
    where.extend(part)
    where_values.extend(part_values)
    for number in joined:
        clause, clause_values = _joined(f"c{number}", search.conditions[number], nan_never_matches)
        where.append(clause)
        where_values.extend(clause_values)
    return f"{source} WHERE {' AND '.join(where)}", [*values, *where_values]


def _candidates(search: RunSearch, route: Route, nan_never_matches: bool) -> Statement | None:
    """Return what finds runs that a metric's value may make results, and others; None elsewhere.

    Their values are looked up in MLflow's table: those in the order may be of yesterday.
    """
    if route.start == "ordering":
        where = ["is_nan = TRUE" if route.part == "nan" else "is_nan = FALSE"]
        where += [f"value {operator} ?" for operator, _ in route.bounds]
        found = " AND ".join(['"key" = ?', *where])
        values = [search.orderings[0].key, *(value for _, value in route.bounds)]
    elif isinstance(route.start, int) and search.conditions[route.start].source == "metric":
        indexed = _indexed("m", search.conditions[route.start], nan_never_matches)
        assert indexed is not None
        found, values = indexed
    else:
        return None
    return (
        f"SELECT run_uuid FROM headwater_metric_order AS m WHERE {found} "  # noqa: S608  # ours
        "UNION SELECT run_uuid FROM headwater_unsettled_runs"
    ), values


def _part(search: RunSearch, route: Route) -> tuple[list[str], list[Any]]:
    if route.part == "all":
        return [], []
    where, values = ["runs.start_time IS NOT NULL"], list[Any]()
    column = "runs.start_time"
    if orders_by_metric(search.orderings):
        is_nan = "TRUE" if route.part == "nan" else "FALSE"
        where = ["o0.run_uuid = runs.run_uuid", 'o0."key" = ?', f"o0.is_nan = {is_nan}"]
        values, column = [search.orderings[0].key], "o0.value"
    where += [f"{column} {operator} ?" for operator, _ in route.bounds]
    return where, [*values, *(value for _, value in route.bounds)]


def candidates_statement(condition: Condition, nan_never_matches: bool) -> Statement | None:
    """Return the statement that finds rows by an index of Headwater's, limited; None without one.

    Among the rows are all that satisfy the condition.
    """
    found = _indexed("c", condition, nan_never_matches)
    if found is None:
        return None
    where, values = found
    table = "headwater_metric_order" if condition.source == "metric" else _table(condition)
    return f"SELECT 1 FROM {table} AS c WHERE {where} LIMIT ?", values  # noqa: S608  # ours


def experiments_statement(search: RunSearch) -> Statement:
    """Return the statement that finds the runs of the experiments, limited."""
    where, values = _of_experiments(search)
    return f"SELECT 1 FROM runs WHERE {' AND '.join(where)} LIMIT ?", values  # noqa: S608


def boundary_statement(search: RunSearch, bounds: Bounds, experiment: Pair) -> Statement:
    """Return the statement that finds how far so many rows reach, along the index to be walked.

    Its last parameter is the number of rows. Start times are those of one experiment and stage.
    """
    if orders_by_metric(search.orderings):
        table, column = "headwater_metric_order", "value"
        where = ['"key" = ?', "is_nan = FALSE"]
        values: list[Any] = [search.orderings[0].key]
    else:
        table, column = "runs", "start_time"
        where = ["experiment_id = ?", "lifecycle_stage = ?", "start_time IS NOT NULL"]
        values = [*experiment]
    where += [f"{column} {operator} ?" for operator, _ in bounds]
    direction = "" if is_ascending(search) else " DESC"
    return (
        f"SELECT {column} FROM {table} WHERE {' AND '.join(where)} "  # noqa: S608
        f"ORDER BY {column}{direction} LIMIT 1 OFFSET ?"
    ), [*values, *(value for _, value in bounds)]


def is_ascending(search: RunSearch) -> bool:
    """Say whether what decides the order first is read upwards; start times go down by default."""
    return (bool(search.orderings) and search.orderings[0].ascending) != search.backwards


def _indexed(alias: str, condition: Condition, nan_never_matches: bool) -> Statement | None:
    if condition.source == "metric" and condition.operator in ("=", "<", "<=", ">", ">="):
        flags = "FALSE" if nan_never_matches else "FALSE, TRUE"
        compared, values = comparison(f"{alias}.value", condition)
        return f'{alias}."key" = ? AND {alias}.is_nan IN ({flags}) AND {compared}', [
            condition.key,
            *values,
        ]
    if not (
        _is_joined(condition) and condition.operator == "=" and isinstance(condition.value, str)
    ):
        return None
    # A text that is cut off is only a candidate.
    cut = condition.value[:PREFIX]
    return f'{alias}."key" = ? AND substr({alias}.value, 1, {PREFIX}) = ?', [
        _key(condition),
        cut,
    ]


def comparison(expression: str, condition: Condition) -> Statement:
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


def _table(condition: Condition) -> str:
    """MLflow compares a run's name through its tag."""
    return _TABLES.get(condition.source, "tags")


def _key(condition: Condition) -> str:
    return condition.key if condition.source in _TABLES else _RUN_NAME_TAG


def _joined(alias: str, condition: Condition, nan_never_matches: bool) -> Statement:
    """Return what says that a row of one metric, parameter or tag satisfies a condition."""
    compared, values = comparison(f"{alias}.value", condition)
    found = _indexed(alias, condition, nan_never_matches)
    if found is not None:
        clause, clause_values = found
        if condition.source == "metric":
            return f"{alias}.run_uuid = runs.run_uuid AND {clause}", clause_values
        # An expression: SQLite would put the text in place of the column in what the index holds.
        return f"{alias}.run_uuid = runs.run_uuid AND {clause} AND {alias}.value || '' = ?", [
            *clause_values,
            *values,
        ]
    if condition.source == "metric" and nan_never_matches:
        compared = f"({compared} OR {alias}.is_nan)"
    return f'{alias}.run_uuid = runs.run_uuid AND {alias}."key" = ? AND {compared}', [
        _key(condition),
        *values,
    ]


def _of_experiments(search: RunSearch, first: str | None = None) -> tuple[list[str], list[Any]]:
    """Return what says that runs are of the search's experiments and stages, and the parameters.

    `first` is the table of whose rows the runs are looked up one by one, if any.
    """
    experiment = _row_by_row("runs.experiment_id", first)
    stage = _row_by_row("runs.lifecycle_stage", first)
    return [
        f"{experiment} IN ({', '.join('?' * len(search.experiment_ids))})",
        f"{stage} IN ({', '.join('?' * len(search.stages))})",
    ], [*search.experiment_ids, *search.stages]


def _row_by_row(expression: str, first: str | None) -> str:
    """Return what is the same of each run that is looked up for a row of the table `first`.

    Were it of runs alone, SQLite would read all runs beforehand to have a Bloom filter of those
    that satisfy a condition with it, where a database has statistics.
    """
    return (
        expression if first is None else f"CASE WHEN {first}.run_uuid <> '' THEN {expression} END"
    )


def _where(search: RunSearch, first: str | None) -> tuple[list[str], list[Any]]:
    where, values = _of_experiments(search, first)
    for condition in search.conditions:
        if not _is_joined(condition):
            clause, clause_values = _clause(condition)
            where.append(clause)
            values.extend(clause_values)
    return where, values


def _clause(condition: Condition) -> Statement:
    if condition.source == "attribute":
        if condition.value is None:
            return f"runs.{condition.key} {condition.operator}", []
        return comparison(f"runs.{_COLUMNS.get(condition.key, condition.key)}", condition)
    if condition.source == "dataset":
        return _dataset_clause(condition)
    negation = "NOT " if condition.operator == "IS NULL" else ""
    table = _TABLES[condition.source]
    return (
        f"{negation}EXISTS (SELECT 1 FROM {table} AS t "  # noqa: S608  # the tables above
        'WHERE t.run_uuid = runs.run_uuid AND t."key" = ?)'
    ), [condition.key]


def _dataset_clause(condition: Condition) -> Statement:
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
