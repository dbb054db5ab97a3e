"""What servers tell each other of the files in one store: what comes in, and what has changed.

Changes are written one transaction after the other, so that their numbers are in the order in which
they are seen: who has read up to one has missed none before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.storage.metadata.base import Connection

_TURN = ""
"""Id of a row that is no admission, but whose lock says whose turn it is."""

_LOCK = """
INSERT INTO headwater_artifact_admissions (admission_id, path, size, valid_until)
VALUES (?, '', 0, 0) ON CONFLICT (admission_id) DO UPDATE SET size = 0
"""
_ADMIT = """
INSERT INTO headwater_artifact_admissions (admission_id, path, size, valid_until)
VALUES (?, ?, ?, ?) ON CONFLICT (admission_id) DO UPDATE
SET size = excluded.size, valid_until = excluded.valid_until
"""
_RENEW = "UPDATE headwater_artifact_admissions SET valid_until = ? WHERE admission_id = ?"
_END = "DELETE FROM headwater_artifact_admissions WHERE admission_id = ?"
_EXPIRED = """
DELETE FROM headwater_artifact_admissions WHERE valid_until <= ? AND admission_id <> ?
"""
_ADMITTED = """
SELECT admission_id, path, size FROM headwater_artifact_admissions WHERE valid_until > ?
"""
_ADD = "INSERT INTO headwater_artifact_changes (path, size, changed_at) VALUES (?, ?, ?)"
_SINCE = """
SELECT change_id, path, size FROM headwater_artifact_changes WHERE change_id > ? ORDER BY change_id
"""
_FORGET = "DELETE FROM headwater_artifact_changes WHERE changed_at < ?"


@dataclass(frozen=True, slots=True)
class Admitted:
    """A file that some server is taking in."""

    admission_id: str
    path: str
    size: int
    """Bytes."""


def lock(connection: Connection) -> None:
    """Have all other servers wait until this transaction ends."""
    connection.execute(_LOCK, (_TURN,))


def admit(connection: Connection, admitted: Admitted, until: int) -> None:
    """Note that a file comes in, or that more of it does; until a time in ms since the epoch."""
    values = admitted.admission_id, admitted.path, admitted.size, until
    connection.execute(_ADMIT, values)


def renew(connection: Connection, admission_id: str, until: int) -> None:
    """Note that a file is still coming in."""
    connection.execute(_RENEW, (until, admission_id))


def end(connection: Connection, admission_id: str, now: int) -> None:
    """Note that a file does not come in any more; nor do those of servers that are gone."""
    connection.execute(_END, (admission_id,))
    connection.execute(_EXPIRED, (now, _TURN))


def admitted(connection: Connection, now: int) -> list[Admitted]:
    """Return the files that come in now."""
    return [Admitted(*row) for row in connection.execute(_ADMITTED, (now,))]


def add(connection: Connection, path: str, size: int | None, now: int) -> None:
    """Note that a file is there, or that it and all below it is not; after `lock`."""
    connection.execute(_ADD, (path, size, now))


def since(connection: Connection, change_id: int) -> Sequence[tuple[int, str, int | None]]:
    """Return number, path and size of the changes after one, in their order."""
    return [(int(n), path, size) for n, path, size in connection.execute(_SINCE, (change_id,))]


def forget(connection: Connection, before: int) -> None:
    """Forget the changes before a time, in milliseconds since the epoch."""
    connection.execute(_FORGET, (before,))
