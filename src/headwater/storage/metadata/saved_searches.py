"""Statements on ``headwater_saved_searches``."""

import json
from collections.abc import Iterable
from typing import Any

from headwater.entities.project_path import is_within
from headwater.entities.saved_search import SavedSearch, SearchScope
from headwater.storage.metadata.base import LOCK_ROW, Connection

_COLUMNS = (
    "search_id, name, project, experiment_id, filter, order_by, columns, created_at, updated_at"
)

_SELECT = f"SELECT {_COLUMNS} FROM headwater_saved_searches"  # noqa: S608  # constants

_LOCK = f"{_SELECT} WHERE search_id = ? {LOCK_ROW}"

_INSERT = f"""
INSERT INTO headwater_saved_searches ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""  # noqa: S608

_NAMED = """
SELECT search_id FROM headwater_saved_searches
WHERE COALESCE(project, '') = ? AND COALESCE(experiment_id, -1) = ? AND name = ?
"""

_UPDATE = """
UPDATE headwater_saved_searches
SET name = ?, project = ?, experiment_id = ?, filter = ?, order_by = ?, columns = ?,
    created_at = ?, updated_at = ?
WHERE search_id = ?
"""


def insert(connection: Connection, search: SavedSearch) -> bool:
    """Insert a search and return whether it was, for its name may be taken."""
    return connection.execute(_INSERT, (search.search_id, *_values(search))).rowcount == 1


def find(connection: Connection, search_id: str) -> SavedSearch | None:
    """Return a search, or None where there is none."""
    return _first(connection.execute(f"{_SELECT} WHERE search_id = ?", (search_id,)))


def lock(connection: Connection, search_id: str) -> SavedSearch | None:
    """Return a search that nobody else changes meanwhile, or None where there is none."""
    return _first(connection.execute(_LOCK, (search_id,)))


def find_all(connection: Connection) -> list[SavedSearch]:
    """Return every search, in the order of their names."""
    return list(map(_search, connection.execute(f"{_SELECT} ORDER BY name, search_id")))


def within(connection: Connection, project: str) -> list[SavedSearch]:
    """Return the searches of a project and of those below it, none of which changes meanwhile."""
    rows = connection.execute(f"{_SELECT} WHERE project IS NOT NULL ORDER BY search_id {LOCK_ROW}")
    return [
        search
        for search in map(_search, rows)
        if search.scope.project and is_within(search.scope.project, project)
    ]


def named(connection: Connection, scope: SearchScope, name: str) -> str | None:
    """Return the id of the search of that name, or None where there is none."""
    place = scope.project or "", -1 if scope.experiment_id is None else scope.experiment_id
    row: tuple[str] | None = connection.execute(_NAMED, (*place, name)).fetchone()
    return None if row is None else row[0]


def update(connection: Connection, search: SavedSearch) -> None:
    """Replace what is stored of the search.

    Raises:
        NotServedError: its name is taken.
    """
    connection.execute(_UPDATE, (*_values(search), search.search_id))


def delete(connection: Connection, search_id: str) -> bool:
    """Delete a search and return whether it was there."""
    statement = "DELETE FROM headwater_saved_searches WHERE search_id = ?"
    return connection.execute(statement, (search_id,)).rowcount == 1


def _values(search: SavedSearch) -> tuple[Any, ...]:
    return (
        search.name,
        search.scope.project,
        search.scope.experiment_id,
        search.filter,
        json.dumps(list(search.order_by)),
        json.dumps(list(search.columns)),
        search.created_at,
        search.updated_at,
    )


def _first(rows: Iterable[Any]) -> SavedSearch | None:
    return next(map(_search, rows), None)


def _search(row: tuple[Any, ...]) -> SavedSearch:
    search_id, name, project, experiment_id, text, order_by, columns, created, updated = row
    return SavedSearch(
        search_id,
        name,
        SearchScope(project, experiment_id),
        text,
        json.loads(order_by),
        json.loads(columns),
        created,
        updated,
    )
