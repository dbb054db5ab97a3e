"""Search runs for a table: chosen columns, groups with aggregates, or a histogram."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import cast, get_args

import numpy as np

from headwater.entities.expression import SeriesFacts
from headwater.entities.metric import LARGEST
from headwater.entities.run_field import ATTRIBUTES, RunField
from headwater.entities.run_table import (
    Aggregate,
    Column,
    Function,
    Grouping,
    Histogram,
    RunTable,
    TablePlace,
    TableSearch,
)
from headwater.entities.search import Ordering, Page, RunSearch
from headwater.errors import InvalidParameterError, NotServedError
from headwater.mlflow_release import Behaviour
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.find_runs import count_runs, find_runs, matching_route
from headwater.storage.metadata.run_columns import load_columns
from headwater.storage.metadata.run_groups import group_runs, numbers
from headwater.storage.metadata.run_order import run_keys
from headwater.storage.metrics.series_facts import series_facts
from headwater.tracking import validate
from headwater.tracking.existing import named_experiments
from headwater.tracking.run_filter import Filter, parse_run_filter, plan_run_filter
from headwater.tracking.run_key import check_key, with_start
from headwater.tracking.run_ordering import run_orderings
from headwater.tracking.service import TrackingService
from headwater.wire.search_run_table import TableQuery

MOST_ROWS = 1_000_000
MOST_VALUES = 10_000_000
"""Rows times columns of one answer."""

MOST_GROUPS = 10_000
_AGGREGATE = re.compile(r"(count|min|max|mean|sum)\((.+)\)", re.DOTALL)
_NUMERIC = frozenset({"time", "integer", "number"})


def plan_table(query: TableQuery, behaviour: Behaviour, now_ms: int) -> TableSearch:
    """Return what a request asks for at a time in milliseconds since 1970.

    Raises:
        InvalidParameterError: a field cannot be served; says which and why.
    """
    fields = (
        *(_attribute(key) for key in query.attributes),
        *(RunField("metric", key) for key in query.metrics),
        *(RunField("param", key) for key in query.params),
        *(RunField("tag", key) for key in query.tags),
    )
    grouping = None
    if query.group_by or query.aggregates:
        grouping = Grouping(
            tuple(_field(text, "group_by") for text in query.group_by),
            tuple(_aggregate(text) for text in query.aggregates or ["count"]),
        )
    histogram = None
    if query.histogram is not None:
        histogram = Histogram(_field(query.histogram, "histogram"), query.bins)
    return TableSearch(
        _search(query, _limit(query, len(fields), grouping), behaviour, now_ms),
        fields,
        grouping,
        histogram,
        query.count,
    )


async def search_run_table(
    service: TrackingService, wanted: TableSearch, names: Sequence[str]
) -> RunTable:
    """Return the table; experiments with these names are searched as well.

    Raises:
        NotFoundError: there is no experiment of a name.
        StatementTimeoutError: it took too long.
    """
    return await service.database.search(
        lambda connection: _Reader(connection, service.behaviour).table(wanted, names),
        service.search_seconds,
    )


class _Reader:
    """Answers from one snapshot."""

    def __init__(self, connection: Connection, behaviour: Behaviour) -> None:
        self._connection = connection
        self._nan_never_matches = behaviour.nan_never_matches

    def table(self, wanted: TableSearch, names: Sequence[str]) -> RunTable:
        search = self._in_experiments(wanted.search, names)
        facts = series_facts(self._connection, search)
        matches = self._nan_never_matches
        if wanted.grouping is None and wanted.histogram is None:
            return self._rows(wanted, search, facts)
        route = matching_route(self._connection, search, facts, nan_never_matches=matches)
        if wanted.histogram is not None:
            found, without = numbers(
                self._connection,
                search,
                facts,
                wanted.histogram.of,
                route,
                nan_never_matches=matches,
            )
            return _histogram(wanted.histogram, found, without)
        assert wanted.grouping is not None
        columns, more = group_runs(
            self._connection, search, facts, wanted.grouping, route, nan_never_matches=matches
        )
        page = search.page
        following = TablePlace(offset=page.offset + page.limit)
        return RunTable(columns, next=following if more else None)

    def _rows(self, wanted: TableSearch, search: RunSearch, facts: SeriesFacts) -> RunTable:
        page, total = search.page, None
        run_ids: list[str] = []
        if page.limit and search.experiment_ids:
            run_ids = find_runs(
                self._connection, search, facts, nan_never_matches=self._nan_never_matches
            )
        more, run_ids = len(run_ids) > page.limit, run_ids[: page.limit]
        if search.backwards:
            run_ids.reverse()
        if wanted.counted:
            total = len(run_ids)
            if more or not run_ids or search.beyond is not None:
                total = count_runs(
                    self._connection, search, facts, nan_never_matches=self._nan_never_matches
                )
        following, previous = self._around(search, facts, run_ids, more=more)
        return RunTable(
            load_columns(self._connection, run_ids, wanted.fields), total, following, previous
        )

    def _around(
        self, search: RunSearch, facts: SeriesFacts, run_ids: Sequence[str], *, more: bool
    ) -> tuple[TablePlace | None, TablePlace | None]:
        """Return where the next and the previous page begin; there is what was come from."""
        follows, precedes = more, search.beyond is not None
        if search.backwards:
            follows, precedes = precedes, more
        if not run_ids or not (follows or precedes):
            return None, None
        ends = run_keys(self._connection, search, facts, [run_ids[0], run_ids[-1]])
        return (
            TablePlace(ends[1]) if follows else None,
            TablePlace(ends[0], backwards=True) if precedes else None,
        )

    def _in_experiments(self, search: RunSearch, names: Sequence[str]) -> RunSearch:
        ids = [*search.experiment_ids, *named_experiments(self._connection, names)]
        return replace(search, experiment_ids=tuple(dict.fromkeys(ids)))


def _search(query: TableQuery, limit: int, behaviour: Behaviour, now_ms: int) -> RunSearch:
    try:
        experiment_ids = tuple(map(validate.searched_experiment_id, query.experiment_ids))
    except NotServedError as error:
        raise InvalidParameterError(
            f"Invalid value for parameter 'experiment_ids': {error}"
        ) from error
    try:
        orderings = run_orderings(query.order_by)
    except NotServedError as error:
        raise InvalidParameterError(
            f"Invalid value for parameter 'order_by': {error}; write such as "
            "'metrics.loss DESC' or 'attributes.start_time', each field once"
        ) from error
    try:
        wanted = plan_run_filter(query.filter, behaviour, now_ms)
    except NotServedError:
        wanted = Filter((), parse_run_filter(query.filter, now_ms=now_ms))
    orderings = with_start(orderings)
    place = query.place
    if place.beyond is not None:
        check_key(place.beyond, orderings)
    return RunSearch(
        experiment_ids,
        query.stages,
        wanted.conditions,
        orderings,
        Page(place.offset, limit),
        wanted.expression,
        place.beyond,
        place.backwards,
    )


def _limit(query: TableQuery, columns: int, grouping: Grouping | None) -> int:
    if grouping is not None:
        most, what = MOST_GROUPS, "groups"
    else:
        most, what = min(MOST_ROWS, MOST_VALUES // max(1, columns)), f"rows of {columns} columns"
    if query.max_results is None:
        return most
    if not 0 <= query.max_results <= most:
        raise InvalidParameterError(
            f"Invalid value for parameter 'max_results': {query.max_results} is not between 0 and "
            f"{most:,}, the most {what} in one answer; go on from next_page_token"
        )
    return query.max_results


def _attribute(key: str) -> RunField:
    if key not in ATTRIBUTES:
        raise InvalidParameterError(
            f"Invalid value for parameter 'attributes': {key!r} is none of {', '.join(ATTRIBUTES)}"
        )
    return RunField("attribute", key)


def _field(text: str, parameter: str) -> RunField:
    if text.removeprefix("attributes.") in ATTRIBUTES:
        return RunField("attribute", text.removeprefix("attributes."))
    try:
        (ordering,) = run_orderings([text])
    except NotServedError:
        ordering = None
    if (
        ordering is None
        or ordering.source == "attribute"
        or ordering != Ordering(ordering.source, ordering.key, ascending=True)
    ):
        raise InvalidParameterError(
            f"Invalid value for parameter '{parameter}': {text!r} names no field; write "
            "metrics.KEY, params.KEY, tags.KEY or an attribute, keys with other characters than "
            "letters, digits, _ and . in `back quotes`"
        )
    return RunField(ordering.source, ordering.key)


def _aggregate(text: str) -> Aggregate:
    if text == "count":
        return Aggregate("count", None)
    match = _AGGREGATE.fullmatch(text)
    if match is None:
        functions = ", ".join(f"{name}(FIELD)" for name in get_args(Function))
        raise InvalidParameterError(
            f"Invalid value for parameter 'aggregates': {text!r} is none of count, {functions}"
        )
    field = _field(match[2], "aggregates")
    function = cast(Function, match[1])
    if function != "count" and field.source not in ("metric", "param") and field.kind == "text":
        raise InvalidParameterError(
            f"Invalid value for parameter 'aggregates': {text!r} needs a number; "
            f"count({field.name}) does not"
        )
    return Aggregate(function, field)


def _histogram(wanted: Histogram, found: Sequence[float], without: int) -> RunTable:
    values = np.asarray(found, np.float64)
    finite = values[np.abs(values) < LARGEST]
    counts = np.zeros(0, np.int64)
    edges = np.zeros(1)
    if len(finite):
        # Halves, so that the span of the largest numbers is one.
        counts, halves = np.histogram(finite / 2, bins=wanted.bins)
        edges = halves * 2
    return RunTable(
        [
            Column("from", "number", edges[:-1].tolist()),
            Column("to", "number", edges[1:].tolist()),
            Column("count", "integer", counts.tolist()),
        ],
        facts={"infinite": len(values) - len(finite), "without": without},
    )
