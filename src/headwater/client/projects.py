"""The tree of projects, asked of a server."""

from collections.abc import Mapping
from typing import Any

from headwater.client.connection import OWN_API, Connection


def list_projects(
    connection: Connection, path: str = "", view: str = "ACTIVE_ONLY"
) -> Mapping[str, Any]:
    """Return the projects and the experiments at a path and below it."""
    query = {"path": path, "view_type": view, "experiments": "true"}
    found: Mapping[str, Any] = connection.get(f"{OWN_API}/projects/list", query)
    return found


def move_project(connection: Connection, path: str, to: str) -> Mapping[str, Any]:
    """Give a project, with all that is below it, another path."""
    answer: Mapping[str, Any] = connection.post(
        f"{OWN_API}/projects/move", {"path": path, "to": to}
    )
    return answer
