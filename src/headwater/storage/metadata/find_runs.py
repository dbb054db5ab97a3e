"""Find runs: choose how to read a search's tables, so that a page costs what it holds.

Few candidates of one condition are read and sorted. Where there are many, an index is walked in the
order of the results until the page is full. Databases plan joins of so many tables badly, or like
SQLite take every condition for one that finds little; so they are asked for the number of
candidates, up to a limit. The limit grows while a walk finds too little, so that the dearer choice
is never followed for long.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any, cast

from headwater.entities.expression import SeriesFacts, Source
from headwater.entities.search import Condition, Page, RunSearch
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.run_conditions import NO_FACTS
from headwater.storage.metadata.run_order import Statement, orders_by_metric, orders_by_start
from headwater.storage.metadata.search_runs import (
    ANY_ROUTE,
    Bounds,
    Pair,
    Route,
    Start,
    boundary_statement,
    candidates_statement,
    experiments_statement,
    is_ascending,
    matching_statement,
    runs_statement,
)

_FEW = 1_000
"""Candidates that are read and sorted without a thought of a walk."""

_FIRST_STRETCH = 4_000
_GROWTH = 4
"""Rows of a walk before candidates are counted anew, and how many times more come then."""

_MANY = 128_000
"""Candidates at most to be counted; where all conditions find as many, runs are walked along."""

_MOST_PAIRS = 16
"""Experiments times stages whose runs are walked along by their start."""


def find_runs(
    connection: Connection,
    search: RunSearch,
    facts: SeriesFacts = NO_FACTS,
    *,
    nan_never_matches: bool,
) -> list[str]:
    """Return the ids of the runs on the page, and one more where another page follows.

    They are in the order of the search, or the other way round if it goes backwards. `facts` are
    `series_facts`' of the search, `nan_never_matches` is `Behaviour`'s.
    """
    finder = _Finder(connection, search, facts, nan_never_matches)
    return finder.found()


def matching_route(
    connection: Connection,
    search: RunSearch,
    facts: SeriesFacts = NO_FACTS,
    *,
    nan_never_matches: bool,
) -> Route:
    """Return how to read all runs that a search finds, in no order; see `find_runs`."""
    finder = _Finder(connection, search, facts, nan_never_matches)
    return finder.matching()


def count_runs(
    connection: Connection,
    search: RunSearch,
    facts: SeriesFacts = NO_FACTS,
    *,
    nan_never_matches: bool,
) -> int:
    """Return the number of runs that a search finds, whatever the page; see `find_runs`."""
    finder = _Finder(connection, search, facts, nan_never_matches)
    return finder.count(finder.matching())


class _Finder:
    """Finds one page."""

    def __init__(
        self,
        connection: Connection,
        search: RunSearch,
        facts: SeriesFacts,
        nan_never_matches: bool,
    ) -> None:
        self._connection = connection
        self._search = search
        self._facts = facts
        self._nan_never_matches = nan_never_matches
        self._candidates: dict[int | None, Statement] = {}
        """By the number of the condition; None for the runs of the experiments."""

        self._by_metric = orders_by_metric(search.orderings)
        self._parts: tuple[str, ...] = (
            ("valued", "nan", "rest") if self._by_metric else ("valued", "rest")
        )
        """By the rank of what decides the order first."""

        self._offset = search.page.offset
        self._missing = search.page.limit + 1
        self._found: list[str] = []

    def found(self) -> list[str]:
        """Return the ids on the page."""
        search = self._search
        by_metric, by_start = self._by_metric, orders_by_start(search.orderings)
        if any(_names_runs(condition) for condition in search.conditions):
            return self._at_once(ANY_ROUTE)
        pairs = list(product(search.experiment_ids, search.stages))
        if not (search.orderings or search.conditions or search.expression) and len(pairs) == 1:
            return self._at_once(Route("runs"))
        self._find_candidates(by_start=by_start)
        few = self._few(_FEW)
        if few is not None:
            return self._at_once(few)
        if by_metric or (by_start and len(pairs) <= _MOST_PAIRS):
            return self._walked(pairs)
        return self._at_once(self._few(_MANY) or Route("runs"))

    def matching(self) -> Route:
        """Return the route to all that the search finds."""
        if any(_names_runs(each) for each in self._search.conditions):
            return ANY_ROUTE
        self._find_candidates(by_start=False)
        return self._few(_MANY) or Route("runs")

    def count(self, route: Route) -> int:
        """Return the number of runs that a route finds, whatever the page."""
        statement, values = matching_statement(
            self._search,
            self._facts,
            nan_never_matches=self._nan_never_matches,
            route=route,
            selected="count(*)",
        )
        count: int = self._connection.execute(statement, values).fetchone()[0]
        return count

    def _find_candidates(self, *, by_start: bool) -> None:
        for number, condition in enumerate(self._search.conditions):
            statement = candidates_statement(condition, self._nan_never_matches)
            if statement is not None:
                self._candidates[number] = statement
        if not by_start:  # a walk along start times meets no runs of other experiments
            self._candidates[None] = experiments_statement(self._search)

    def _few(self, most: int) -> Route | None:
        """Return the route by the fewest candidates, if they are fewer than so many."""
        best: Route | None = None
        for number, (statement, values) in self._candidates.items():
            (count,) = self._connection.execute(
                f"SELECT count(*) FROM ({statement}) AS found",  # noqa: S608  # ours
                [*values, most],
            ).fetchone()
            if count < most:
                best, most = Route("runs" if number is None else number), count
        return best

    def _walked(self, pairs: Sequence[Pair]) -> list[str]:
        """Walk along what has a number in what decides the order first, then add NaN and nothing.

        In the opposite order where the search goes backwards.
        """
        parts, search = self._parts, self._search
        if search.beyond is not None:
            rank = cast(int, search.beyond[0])
            parts = parts[: rank + 1] if search.backwards else parts[rank:]
        if search.backwards:
            parts = parts[::-1]
        for part in parts:
            if part == "rest":
                self._add(self._rest())
            elif part == "nan":
                self._fill(Route("ordering", "nan"))
            else:
                found = self._along(pairs)
                if found is not None:
                    return found
            if self._missing == 0:
                break
        return self._found

    def _along(self, pairs: Sequence[Pair]) -> list[str] | None:
        """Walk along the index, stretch by stretch, to its end or that of the page.

        Return the whole page where that turned out to be dearer than to read candidates.
        """
        start: Start = "ordering" if self._by_metric else "runs"
        until, beyond = ("<=", ">") if is_ascending(self._search) else (">=", "<")
        filtered = bool(self._search.conditions or self._search.expression)
        rows = self._offset + self._missing
        if self._by_metric:  # values are looked up before they are sorted: no more than are needed
            rows = 2 * rows + (_FEW if filtered else 0)
        else:
            rows = _FIRST_STRETCH if filtered else max(_FIRST_STRETCH, rows)
        bounds = self._begun(beyond)
        while True:
            end = self._boundary(bounds, pairs, rows)
            stretch = bounds if end is None else (*bounds, (until, end))
            if self._fill(Route(start, "valued", stretch)) or end is None:
                return None
            bounds = ((beyond, end),)
            rows *= _GROWTH
            few = self._few(min(rows, _MANY))
            if few is not None:
                return self._at_once(few)

    def _begun(self, beyond: str) -> Bounds:
        """Return where a walk begins: at the number of the search's key, if it has one."""
        key = self._search.beyond
        return () if key is None or key[0] != 0 else ((f"{beyond}=", key[1]),)

    def _boundary(self, bounds: Bounds, pairs: Sequence[Pair], rows: int) -> Any:
        """Return what the walk reaches within so many rows; None is the end."""
        ends = []
        for pair in pairs[:1] if self._by_metric else pairs:
            statement, values = boundary_statement(self._search, bounds, pair)
            row = self._connection.execute(statement, [*values, rows]).fetchone()
            if row is not None:
                ends.append(row[0])
        nearest = min if is_ascending(self._search) else max
        return nearest(ends, default=None)

    def _rest(self) -> list[str]:
        """Return those without anything in what decides the order first."""
        search = self._search
        source: Source = "attribute"
        key = "start_time"
        if self._by_metric:
            source, key = "metric", search.orderings[0].key
        beyond = search.beyond
        if beyond is not None:
            beyond = beyond[2:] if self._parts[cast(int, beyond[0])] == "rest" else None
        rest = replace(
            search,
            conditions=(*search.conditions, Condition(source, key, "IS NULL", None)),
            orderings=search.orderings[1:],
            page=Page(self._offset, self._missing - 1),
            beyond=beyond,
        )
        if source == "attribute":
            return self._ids(rest, Route("runs"))
        return _Finder(self._connection, rest, self._facts, self._nan_never_matches).found()

    def _at_once(self, route: Route) -> list[str]:
        """Return the ids on the page, by one statement."""
        return self._ids(self._search, route)

    def _fill(self, route: Route) -> bool:
        """Add the next results by a route; say whether the page is full."""
        wanted = replace(self._search, page=Page(self._offset, self._missing - 1))
        ids = self._ids(wanted, route)
        self._add(ids)
        if ids:
            self._offset = 0
        elif self._offset:
            self._offset -= self.count(route)
        return self._missing == 0

    def _add(self, ids: Sequence[str]) -> None:
        self._found += ids
        self._missing -= len(ids)

    def _ids(self, search: RunSearch, route: Route) -> list[str]:
        statement, values = runs_statement(
            search, self._facts, nan_never_matches=self._nan_never_matches, route=route
        )
        return [row[0] for row in self._connection.execute(statement, values)]


def _names_runs(condition: Condition) -> bool:
    """Say whether the primary key of the runs finds what satisfies the condition."""
    return condition.key == "run_id" and condition.operator in ("=", "IN")
