"""Which registered versions a new artifact may be a successor of.

A model is registered after its files were stored, so that nothing says of which registered model
they will be. Its predecessor is likely to be the newest version of a registered model of the same
experiment or project, with a file of the same path; which of several, the content tells.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from headwater.entities.artifact_location import proxied_path
from headwater.entities.project_path import path_of_tag
from headwater.errors import DatabaseError
from headwater.storage.metadata import artifact_quotas
from headwater.storage.metadata.artifact_quotas import PlacedArtifacts
from headwater.storage.metadata.base import Connection, Database
from headwater.storage.metadata.registered_versions import RegisteredVersion, newest_versions
from headwater.tracking.quotas import directory_of

MOST = 3
"""Files to look at: each costs a few reads, once for a file that is stored."""

_SECONDS = 1.0
"""How long is believed what was read."""

_ARTIFACTS = "/artifacts/"
"""What MLflow has between the directory of a run or logged model and its artifacts' paths."""

_logger = logging.getLogger(__name__)


def predecessors(
    path: str, versions: Iterable[RegisteredVersion], experiments: Iterable[PlacedArtifacts]
) -> list[str]:
    """Return where the predecessors of a new artifact may be, the likeliest first, at most `MOST`.

    `versions` are the newest ones. Those of the same experiment come before others of its project;
    of each, those before that were registered last.
    """
    owner, _, below = path.partition(_ARTIFACTS)
    projects = {
        directory: path_of_tag(each.project_tag)
        for each in experiments
        if (directory := proxied_path(each.location)) is not None
    }
    here = directory_of(path, projects.keys())
    if not below or here is None:
        return []
    found: dict[str, tuple[bool, int]] = {}
    for version in versions:
        location = proxied_path(version.location)
        there = None if location is None else directory_of(location, projects.keys())
        if location is None or there is None or projects[there] != projects[here]:
            continue
        other, _, inside = f"{location}/".partition(_ARTIFACTS)
        if other != owner and below.startswith(inside):
            rank = there == here, version.created
            candidate = f"{other}{_ARTIFACTS}{below}"
            found[candidate] = max(rank, found.get(candidate, rank))
    return sorted(found, key=lambda each: found[each], reverse=True)[:MOST]


def predecessors_in(
    database: Database, clock: Callable[[], float] = time.monotonic
) -> Callable[[str], Sequence[str]]:
    """Return what tells `predecessors` by a database, on any thread, which waits for it.

    What cannot be read now is left out.
    """
    lock = threading.Lock()
    known: tuple[list[RegisteredVersion], list[PlacedArtifacts]] = ([], [])
    read_at = float("-inf")

    def read(connection: Connection) -> tuple[list[RegisteredVersion], list[PlacedArtifacts]]:
        versions = newest_versions(connection)
        return versions, artifact_quotas.experiments(connection) if versions else []

    def find(path: str) -> Sequence[str]:
        nonlocal known, read_at
        with lock:
            if clock() - read_at > _SECONDS:
                try:
                    known = database.read_now(read)
                except DatabaseError as error:
                    _logger.warning("new registered versions are not known now: %s", error)
                read_at = clock()  # also where it failed: not every upload is to wait for that
        return predecessors(path, *known)

    return find
