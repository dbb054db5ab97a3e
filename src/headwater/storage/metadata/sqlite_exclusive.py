"""SQLite for one process alone: for work that would keep all others waiting anyway."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from headwater.errors import DatabaseBusyError
from headwater.storage.metadata.sqlite_connection import translated_errors

_WAIT_SECONDS = 2
_CACHE_KIB = 256 * 1024


@contextlib.contextmanager
def exclusive_connection(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection beside which no other process can read or write the database.

    Statements outside an explicit BEGIN commit on their own; what is committed survives power loss.

    Raises:
        DatabaseBusyError: another process has the database open.
    """
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode=rw",
        uri=True,
        timeout=_WAIT_SECONDS,
        isolation_level=None,
    )
    with contextlib.closing(connection):
        try:
            with translated_errors():
                # First of all: later, SQLite would share the write-ahead log with others.
                connection.execute("PRAGMA locking_mode = EXCLUSIVE")
                connection.execute("BEGIN EXCLUSIVE")
                connection.execute("COMMIT")
        except DatabaseBusyError as error:
            raise DatabaseBusyError(
                f"another process has {path} open; stop every server on it, or work without "
                "--offline"
            ) from error
        with translated_errors():
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute("PRAGMA secure_delete = OFF")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            yield connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what is done inside, or roll it back where something is raised."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
