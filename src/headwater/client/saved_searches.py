"""Saved searches, asked of a server."""

from collections.abc import Mapping, Sequence
from typing import Any

from headwater.client.connection import OWN_API, Connection
from headwater.errors import InvalidParameterError, NotFoundError

SavedSearch = Mapping[str, Any]
"""The server's message of a saved search."""

_API = f"{OWN_API}/saved-searches"


def list_saved_searches(
    connection: Connection, project: str | None = None, experiment_id: str | None = None
) -> Sequence[SavedSearch]:
    """Return the searches of a project and below it, of an experiment, or all."""
    given = {"project": project, "experiment_id": experiment_id}
    query = {name: value for name, value in given.items() if value is not None}
    found: Sequence[SavedSearch] = connection.get(f"{_API}/list", query)["saved_searches"]
    return found


def find_saved_search(connection: Connection, search: str) -> SavedSearch:
    """Return the search of that id or name.

    Raises:
        NotFoundError: there is none.
        InvalidParameterError: several have the name.
    """
    every = list_saved_searches(connection)
    found = [each for each in every if each["search_id"] == search]
    found = found or [each for each in every if each["name"] == search]
    if not found:
        raise NotFoundError(
            f"there is no saved search {search!r}; headwater searches list shows those there are"
        )
    if len(found) > 1:
        ids = ", ".join(each["search_id"] for each in found)
        raise InvalidParameterError(
            f"{len(found)} saved searches are named {search!r}; name one by its id: {ids}"
        )
    return found[0]


def create_saved_search(connection: Connection, message: Mapping[str, Any]) -> SavedSearch:
    """Save a search; `message` is the request's."""
    return _search(connection.post(f"{_API}/create", message))


def update_saved_search(connection: Connection, message: Mapping[str, Any]) -> SavedSearch:
    """Change a search; `message` is the request's."""
    return _search(connection.post(f"{_API}/update", message, idempotent=True))


def delete_saved_search(connection: Connection, search_id: str) -> None:
    """Delete a search."""
    connection.post(f"{_API}/delete", {"search_id": search_id})


def _search(answer: Mapping[str, Any]) -> SavedSearch:
    search: SavedSearch = answer["saved_search"]
    return search
