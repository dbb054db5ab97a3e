"""Counts the files of a store that several servers share, each with an index of its own.

Each tells in the database what it lets in, and what it has stored and deleted; and learns from
there, before it lets anything in, what the others have.
"""

from collections.abc import Collection, Sequence

from headwater.storage.artifacts.store import ArtifactStore
from headwater.storage.metadata import artifact_changes
from headwater.storage.metadata.artifact_changes import Admitted
from headwater.storage.metadata.base import Connection
from headwater.tracking.quotas import Quota, Quotas, require_room

VALID_MS = 15 * 60 * 1000
"""How long an admission holds that is not renewed: its server was killed."""

KEPT_MS = 2 * 24 * 3600 * 1000
"""How long changes are kept: sizes are corrected by what is stored once a day."""


def learn(connection: Connection, store: ArtifactStore) -> None:
    """Bring the sizes in the index up to date with what all servers have told."""
    changes = artifact_changes.since(connection, store.index.changes_until())
    if changes:
        store.index.note_changes([change[1:] for change in changes], changes[-1][0])


def admit(
    connection: Connection,
    store: ArtifactStore,
    quotas: Quotas,
    limits: Sequence[Quota],
    wanted: Admitted,
    now: int,
    ended: Collection[str] = (),
) -> None:
    """Let a file in, or more of it, if `limits`, which hold for it, allow it; else leave all be.

    `ended` are admissions of this server's that are counted as stored already; `now` is in
    milliseconds since the epoch.

    Raises:
        QuotaExceededError: a limit does not allow it.
        InvalidParameterError: a limit cannot be read.
    """
    artifact_changes.lock(connection)
    learn(connection, store)
    others = [
        (each.path, each.size)
        for each in artifact_changes.admitted(connection, now)
        if each.path != wanted.path and each.admission_id not in ended
    ]
    index = store.index
    before = index.size(wanted.path) or 0
    for limit in limits:
        used = quotas.used(limit, index.size_below) - before + quotas.coming(limit, others)
        require_room(limit, used, wanted.size, wanted.path)
    artifact_changes.admit(connection, wanted, now + VALID_MS)


def tell(connection: Connection, path: str, size: int | None, now: int) -> None:
    """Tell the others that a file is there, or that it and all below it is not."""
    artifact_changes.lock(connection)
    artifact_changes.add(connection, path, size, now)
    artifact_changes.forget(connection, now - KEPT_MS)


def end(connection: Connection, admission_id: str, now: int) -> None:
    """Note that a file that was let in does not come in any more."""
    artifact_changes.end(connection, admission_id, now)
