"""Opening SQLite as MLflow does, and its exceptions as ours."""

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from headwater.errors import (
    DatabaseBusyError,
    DatabaseError,
    DatabaseFullError,
    NotServedError,
    StatementTimeoutError,
)
from headwater.storage.metadata.sqlite_functions import add_functions

BUSY_TIMEOUT_SECONDS = 20
"""As long as MLflow itself waits for another writer."""

_CHECKPOINT_PAGES = 16_000
LOG_BYTES = 64 * 1024 * 1024
"""How long the log is kept: `_CHECKPOINT_PAGES` of 4 KiB and what SQLite adds to each fit in."""

_CACHE_KIB = 32 * 1024
"""SQLite's own 2 MiB make a search over 2,000 runs read the same pages again and again."""


def connect(path: Path, *, read_only: bool = False, relaxed: bool = False) -> sqlite3.Connection:
    """Open a connection that behaves as MLflow's do: foreign keys, case-sensitive LIKE.

    Statements outside an explicit BEGIN commit on their own. WAL with synchronous=FULL: what is
    committed survives power loss, or where `relaxed` the end of the process only: the database is
    whole after power loss, without the last commits.

    Raises:
        DatabaseError: the file cannot be opened.
    """
    with translated_errors():
        connection = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode=rw",
            uri=True,
            timeout=BUSY_TIMEOUT_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {'NORMAL' if relaxed else 'FULL'}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA case_sensitive_like = true")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        # Savepoints keep the pages they may have to restore in a temporary file otherwise.
        connection.execute("PRAGMA temp_store = MEMORY")
        add_functions(connection)
        if read_only:
            connection.execute("PRAGMA query_only = ON")
    return connection


class _TranslatedErrors:
    """A context manager without state: entering one made by a generator costs ten times as much."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, (sqlite3.IntegrityError, OverflowError)):
            raise NotServedError(str(error)) from error
        if isinstance(error, sqlite3.Error):
            raise _database_error(error) from error


_TRANSLATED_ERRORS = _TranslatedErrors()


def translated_errors() -> AbstractContextManager[None]:
    """Translate SQLite's exceptions into Headwater's.

    A refused constraint or a number that SQLite cannot hold becomes `NotServedError`: MLflow's own
    code words the answer.
    """
    return _TRANSLATED_ERRORS


def _database_error(error: sqlite3.Error) -> DatabaseError:
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None
    if primary == sqlite3.SQLITE_FULL:
        return DatabaseFullError("No space left for the database; free some space and retry.")
    if primary == sqlite3.SQLITE_INTERRUPT:
        return StatementTimeoutError(str(error))
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return DatabaseBusyError(
            "Another process has held the database's write lock for more than "
            f"{BUSY_TIMEOUT_SECONDS} s; retry."
        )
    return DatabaseError(str(error))
