"""Group the runs that a search finds, by one statement; numbers of runs for histograms."""

from collections.abc import Sequence
from typing import Any

from headwater.entities.expression import SeriesFacts
from headwater.entities.metric import LARGEST
from headwater.entities.run_field import RunField
from headwater.entities.run_table import Aggregate, Column, Grouping
from headwater.entities.search import RunSearch
from headwater.storage.metadata.base import NUMBER, Connection
from headwater.storage.metadata.search_runs import Route, matching_statement

_TABLES = {"metric": "latest_metrics", "param": "params", "tag": "tags"}
_COLUMNS = {
    "run_id": "found.run_uuid",
    "run_name": "found.name",
    "duration": "(found.end_time - found.start_time)",
}
_FUNCTIONS = {"count": "count", "min": "min", "max": "max", "mean": "avg", "sum": "sum"}


def group_runs(
    connection: Connection,
    search: RunSearch,
    facts: SeriesFacts,
    grouping: Grouping,
    route: Route,
    *,
    nan_never_matches: bool,
) -> tuple[list[Column], bool]:
    """Return a row for each group on the search's page, and whether there are more."""
    source = _Source(search, facts, route, nan_never_matches)
    groups = [source.expression(field) for field in grouping.fields]
    selected = [*groups, *(_aggregate(source, each) for each in grouping.aggregates)]
    keys = ", ".join(str(number) for number in range(1, len(groups) + 1))
    order = f"GROUP BY {keys} ORDER BY count(*) DESC, {keys}" if groups else ""
    page = search.page
    rows = connection.execute(
        f"SELECT {', '.join(selected)} FROM {source.sql} {order} LIMIT ? OFFSET ?",  # noqa: S608  # our names
        [*source.values, page.limit + 1, page.offset],
    ).fetchall()
    shown = rows[: page.limit]
    by_column = list(zip(*shown, strict=True)) or [()] * len(selected)
    named: list[RunField | Aggregate] = [*grouping.fields, *grouping.aggregates]
    columns = [_column(of, values) for of, values in zip(named, by_column, strict=True)]
    return columns, len(rows) > page.limit


def numbers(
    connection: Connection,
    search: RunSearch,
    facts: SeriesFacts,
    of: RunField,
    route: Route,
    *,
    nan_never_matches: bool,
) -> tuple[list[float], int]:
    """Return the numbers that runs have for a metric or param, and how many runs have none."""
    source = _Source(search, facts, route, nan_never_matches)
    rows = connection.execute(
        f"SELECT {source.number(of)} FROM {source.sql}",  # noqa: S608  # our names
        source.values,
    ).fetchall()
    found = [float(value) for (value,) in rows if value is not None]
    return found, len(rows) - len(found)


class _Source:
    """What a statement reads: the runs that a search finds, and what is joined to them."""

    def __init__(
        self, search: RunSearch, facts: SeriesFacts, route: Route, nan_never_matches: bool
    ) -> None:
        statement, values = matching_statement(
            search, facts, nan_never_matches=nan_never_matches, route=route
        )
        self.sql = f"({statement}) AS found"
        self.values: list[Any] = [*values]
        self._aliases: dict[RunField, str] = {}

    def expression(self, field: RunField) -> str:
        """Return the SQL of a field; NaN is NULL."""
        if field.source == "attribute":
            return _COLUMNS.get(field.key, f"found.{field.key}")
        alias = self._aliases.get(field)
        if alias is None:
            alias = self._aliases[field] = f"j{len(self._aliases)}"
            self.sql += (
                f" LEFT JOIN {_TABLES[field.source]} AS {alias} "
                f'ON {alias}.run_uuid = found.run_uuid AND {alias}."key" = ?'
            )
            self.values.append(field.key)
        if field.source == "metric":
            return f"CASE WHEN {alias}.is_nan THEN NULL ELSE {alias}.value END"
        return f"{alias}.value"

    def number(self, field: RunField) -> str:
        """Return the SQL of what a field is as a number."""
        expression = self.expression(field)
        return f"{NUMBER}({expression})" if field.kind == "text" else expression


def _aggregate(source: _Source, aggregate: Aggregate) -> str:
    if aggregate.of is None:
        return "count(*)"
    function = _FUNCTIONS[aggregate.function]
    if aggregate.function == "count":
        return f"count({source.expression(aggregate.of)})"
    value = source.number(aggregate.of)
    if aggregate.function in ("mean", "sum"):  # infinities are stored as the largest numbers
        value = f"CASE WHEN abs({value}) < {LARGEST!r} THEN {value} END"
    return f"{function}({value})"


def _column(of: RunField | Aggregate, values: Sequence[Any]) -> Column:
    if isinstance(of, RunField):
        texts = of.key == "experiment_id" and of.source == "attribute"
        return Column(of.name, of.kind, [str(each) for each in values] if texts else values)
    if of.function == "count":
        return Column(of.name, "integer", values)
    if of.of is not None and of.of.kind == "time" and of.function in ("min", "max"):
        return Column(of.name, "time", values)
    return Column(of.name, "number", [None if each is None else float(each) for each in values])
