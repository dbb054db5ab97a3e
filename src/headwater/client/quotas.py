"""The limits of artifacts, asked of a server."""

from collections.abc import Mapping
from typing import Any

from headwater.client.connection import OWN_API, Connection


def list_quotas(connection: Connection, path: str = "") -> list[Mapping[str, Any]]:
    """Return the limits of a project and of all that is below it, with what is used of them."""
    found: Mapping[str, Any] = connection.get(f"{OWN_API}/quotas/list", {"path": path})
    return list(found["quotas"])


def set_quota(connection: Connection, limit: int | None, **owner: str) -> None:
    """Limit the artifacts of a ``project`` or an ``experiment_id``, in bytes; None: no limit."""
    connection.post(f"{OWN_API}/quotas/set", {"limit": limit, **owner}, idempotent=True)
