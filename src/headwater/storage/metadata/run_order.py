"""The order of a search's results as SQL, and what lies beyond a key in that order.

A key is a rank and a value for each ordering, then the run's id: ranks say that there is a number
or text (0), a NaN (1) or nothing (1 or 2), and those that are not 0 have no value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from headwater.entities.expression import SeriesFacts
from headwater.entities.search import Ordering, RunKey, RunSearch
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.run_conditions import duration_sql
from headwater.storage.metadata.statistic_orderings import (
    latest_key,
    statistic_join,
    statistic_terms,
)

Part = Literal["all", "valued", "nan"]
Statement = tuple[str, list[Any]]
"""SQL and its parameters."""

_TABLES = {"metric": "latest_metrics", "param": "params", "tag": "tags"}
_COLUMNS = {"run_id": "run_uuid", "run_name": "name"}


@dataclass(frozen=True, slots=True)
class _Term:
    sql: str
    descending: bool = False


def orders_by_metric(orderings: Sequence[Ordering]) -> bool:
    """Say whether the latest values of a metric decide the order first."""
    if not orderings:
        return False
    first = orderings[0]
    return first == Ordering("metric", first.key, first.ascending)


def orders_by_start(orderings: Sequence[Ordering]) -> bool:
    """Say whether the start time decides the order first."""
    return not orderings or _is_start(orderings[0])


def order_sql(search: RunSearch, facts: SeriesFacts, part: Part) -> str:
    """Return what to order by.

    Runs without a value come last, after NaN; then the newest first, then by id. `part` has all in
    it of which what decides the order first is a number or a NaN.
    """
    terms: list[_Term] = []
    for number, ordering in enumerate(search.orderings):
        rank, value = _terms(number, ordering, facts)
        by_part = number == 0 and part != "all"
        if not by_part:
            terms.append(rank)
        if not (by_part and part == "nan"):
            terms.append(value)
    if not any(map(_is_start, search.orderings)):
        terms.append(_Term("runs.start_time", descending=True))
    terms.append(_Term("runs.run_uuid"))
    return ", ".join(
        f"{term.sql} DESC" if term.descending != search.backwards else term.sql for term in terms
    )


def beyond_sql(search: RunSearch, facts: SeriesFacts) -> Statement | None:
    """Return the condition that a run lies beyond the search's key, None where there is no key."""
    if search.beyond is None:
        return None
    *terms, last = _key_terms(search.orderings, facts)
    *key, run_id = search.beyond
    sql, values = _compared(last, search.backwards, ">"), [run_id]
    for term, value in reversed(list(zip(terms, key, strict=True))):
        if value is None:  # of all who share the rank
            continue
        sql = f"({_compared(term, search.backwards, '>')} OR ({term.sql} = ? AND {sql}))"
        values = [value, value, *values]
    return sql, values


def run_keys(
    connection: Connection, search: RunSearch, facts: SeriesFacts, run_ids: Sequence[str]
) -> list[RunKey]:
    """Return where in the order of a search some of its results are."""
    source, values = "runs", list[Any]()
    for number, ordering in enumerate(search.orderings):
        if ordering.source in _TABLES:
            join, join_values = ordering_join(number, ordering, facts)
            source, values = f"{source} {join}", [*values, *join_values]
    terms = ", ".join(term.sql for term in _key_terms(search.orderings, facts))
    rows = connection.execute(
        f"SELECT {terms} FROM {source} WHERE runs.run_uuid IN ({', '.join('?' * len(run_ids))})",  # noqa: S608  # our names
        [*values, *run_ids],
    )
    found = {row[-1]: _key(row) for row in rows}
    return [found[run_id] for run_id in run_ids]


def ordering_join(number: int, ordering: Ordering, facts: SeriesFacts) -> Statement:
    """Return what joins the table ``o{number}`` of an ordering that is not by an attribute."""
    key = latest_key(ordering, facts)
    if key is None:
        return statistic_join(number, ordering, facts)
    return (
        f"LEFT JOIN {_TABLES[ordering.source]} AS o{number} "
        f'ON o{number}.run_uuid = runs.run_uuid AND o{number}."key" = ?'
    ), [key]


def _is_start(ordering: Ordering) -> bool:
    return (ordering.source, ordering.key) == ("attribute", "start_time")


def _key_terms(orderings: Sequence[Ordering], facts: SeriesFacts) -> list[_Term]:
    pairs = (_terms(number, ordering, facts) for number, ordering in enumerate(orderings))
    return [*(term for pair in pairs for term in pair), _Term("runs.run_uuid")]


def _key(row: Sequence[Any]) -> RunKey:
    """Return a row of key terms without the values, such as NaN's 0, that a rank stands for."""
    ranks, values = row[:-1:2], row[1:-1:2]
    pairs = zip(ranks, values, strict=True)
    known = ((rank, None if rank else value) for rank, value in pairs)
    return (*(each for pair in known for each in pair), row[-1])


def _terms(number: int, ordering: Ordering, facts: SeriesFacts) -> tuple[_Term, _Term]:
    """Return the rank and the value of an ordering."""
    descending = not ordering.ascending
    if ordering.source == "attribute":
        column = f"runs.{_COLUMNS.get(ordering.key, ordering.key)}"
        if ordering.key == "duration":
            column = duration_sql("runs")
        rank = f"CASE WHEN {column} IS NULL THEN 1 ELSE 0 END"
        return _Term(rank), _Term(column, descending)
    if latest_key(ordering, facts) is None:
        rank, column = statistic_terms(number, ordering, facts)
        return _Term(rank), _Term(column, descending)
    column = f"o{number}.value"
    is_nan = f"WHEN o{number}.is_nan THEN 1 " if ordering.source == "metric" else ""
    rank = f"CASE {is_nan}WHEN {column} IS NULL THEN 2 ELSE 0 END"
    return _Term(rank), _Term(column, descending)


def _compared(term: _Term, backwards: bool, after: str) -> str:
    before = "<" if after == ">" else ">"
    return f"{term.sql} {before if term.descending != backwards else after} ?"
