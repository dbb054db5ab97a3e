"""How far the frames of each ingest client are stored."""

from headwater.storage.metadata.base import LOCK_ROW, Connection

_SELECT = "SELECT sequence FROM headwater_ingest_clients WHERE client_id = ?"

_LOCK = f"{_SELECT} {LOCK_ROW}"

_ADVANCE = """
INSERT INTO headwater_ingest_clients (client_id, sequence, updated_at) VALUES (?, ?, ?)
ON CONFLICT (client_id) DO UPDATE SET sequence = excluded.sequence, updated_at = excluded.updated_at
WHERE headwater_ingest_clients.sequence = excluded.sequence - 1
"""


def position(connection: Connection, client_id: str) -> int:
    """Return the sequence of the client's last stored frame, 0 where there is none."""
    return _sequence(connection, _SELECT, client_id)


def locked_position(connection: Connection, client_id: str) -> int:
    """Return the `position`; other writers wait until this transaction ends."""
    return _sequence(connection, _LOCK, client_id)


def advance(connection: Connection, client_id: str, sequence: int, now: int) -> bool:
    """Store that a frame is stored, in milliseconds since the epoch.

    False where another transaction has stored the client's first frame meanwhile.
    """
    return connection.execute(_ADVANCE, (client_id, sequence, now)).rowcount == 1


def _sequence(connection: Connection, statement: str, client_id: str) -> int:
    row = connection.execute(statement, (client_id,)).fetchone()
    return 0 if row is None else int(row[0])
