"""Opening PostgreSQL, its exceptions as ours, and the portable statements on it."""

import contextlib
import functools
import itertools
import re
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import BytesBinaryDumper

from headwater.errors import (
    DatabaseBusyError,
    DatabaseError,
    DatabaseFullError,
    HeadwaterError,
    NotServedError,
)
from headwater.storage.metadata.base import (
    ENTRY,
    LOCK_FREE_ROWS,
    LOCK_ROW,
    MATCHES,
    NUMBER,
    SPELLS_NUMBER,
    Parameters,
)

LOCK_TIMEOUT_SECONDS = 20
"""As long as Headwater waits for another writer on SQLite."""

_DEFAULTS: dict[str, Any] = {
    "connect_timeout": 10,
    "application_name": "headwater",
    "client_encoding": "utf8",
}

_PREPARE_SESSION = f"""
SELECT set_config('lock_timeout', '{LOCK_TIMEOUT_SECONDS}s', false),
       set_config('synchronous_commit',
                  CASE current_setting('synchronous_commit')
                      WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END,
                  false)
"""

_DRIVER_PREFIX = re.compile(r"^(headwater\+)?postgres(ql)?(\+\w+)?://")
_TOKEN = re.compile(r"'[^']*'|\"[^\"]*\"|\?")

_CALL = re.compile(
    rf"(?P<name>{NUMBER}|{MATCHES})\((?P<column>[\w.]+|json_extract\([^()]*\))"
    r"(?:, (?P<pattern>\$[0-9]+))?\)"
)
_ENTRY = re.compile(re.escape(ENTRY).replace(r"\{0\}", r"([\w.]+)").replace(r"\{1\}", r"([\w.]+)"))

_NOT_OURS_TO_WORD = (psycopg.IntegrityError, psycopg.DataError, OverflowError)
_CONFLICTS = (errors.SerializationFailure, errors.DeadlockDetected)
_FULL = (errors.DiskFull,)
_BUSY = (errors.LockNotAvailable, errors.TooManyConnections, errors.QueryCanceled, *_CONFLICTS)


def libpq_uri(uri: str) -> str:
    """Return the URI as the PostgreSQL client library knows it, without a driver's name."""
    return _DRIVER_PREFIX.sub("postgresql://", uri)


def shown_uri(uri: str) -> str:
    """Return the URI without password and options, for people to read."""
    place = conninfo_to_dict(libpq_uri(uri))
    user, host = place.get("user"), place.get("host") or "localhost"
    port = f":{place['port']}" if place.get("port") else ""
    shown_host = "" if str(host).startswith("/") else f"{host}{port}"
    return f"postgresql://{f'{user}@' if user else ''}{shown_host}/{place.get('dbname') or ''}"


class PostgresCursor:
    """Rows of a statement that may not have been sent yet; see `Cursor`."""

    __slots__ = ("_cursor", "_pipeline")

    def __init__(self, cursor: psycopg.RawCursor[Any], pipeline: psycopg.Pipeline | None) -> None:
        self._cursor = cursor
        self._pipeline = pipeline

    @property
    def rowcount(self) -> int:
        """See `Cursor.rowcount`; waits for the server."""
        if self._pipeline is not None:
            self._pipeline.sync()
        return self._cursor.rowcount

    def fetchone(self) -> Any:
        """See `Cursor.fetchone`."""
        return self._cursor.fetchone()

    def fetchall(self) -> list[Any]:
        """See `Cursor.fetchall`."""
        return self._cursor.fetchall()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)


class PostgresConnection:
    """Executes the portable statements in one session; see `Connection`.

    Inside `pipelined`, statements travel together, and the server is waited for only where a
    result is looked at: what a statement raises may then come up in a later one, or in `sync`.
    """

    def __init__(self, uri: str, *, read_only: bool = False, relaxed: bool = False) -> None:
        self._read_only = read_only
        self._pipeline: psycopg.Pipeline | None = None
        options = {name: value for name, value in _DEFAULTS.items() if name not in _given(uri)}
        self._driver: psycopg.Connection[Any] = psycopg.connect(
            libpq_uri(uri), autocommit=True, **options
        )
        _adapt(self._driver)
        self._adapted = True
        self._driver.execute(_PREPARE_SESSION)
        if relaxed:
            self._driver.execute("SET synchronous_commit TO off")

    @classmethod
    def of_driver(cls, driver: psycopg.Connection[Any]) -> "PostgresConnection":
        """Execute the portable statements in the transaction of a connection of others."""
        connection = cls.__new__(cls)
        connection._read_only = False
        connection._pipeline = None
        connection._driver = driver
        connection._adapted = False  # how they send their own values is theirs to say
        return connection

    @property
    def lost(self) -> bool:
        """Whether the session has ended, by whatever end."""
        return self._driver.closed

    def execute(self, statement: str, parameters: Parameters = (), /) -> PostgresCursor:
        """See `Connection.execute`."""
        cursor = self._cursor()
        cursor.execute(_translated(statement, self._read_only), parameters, binary=True)
        return PostgresCursor(cursor, self._pipeline)

    def executemany(self, statement: str, rows: Iterable[Parameters], /) -> PostgresCursor:
        """See `Connection.executemany`."""
        cursor = self._cursor()
        cursor.executemany(_translated(statement, self._read_only), rows)
        return PostgresCursor(cursor, self._pipeline)

    @contextlib.contextmanager
    def pipelined(self) -> Iterator[None]:
        """Let statements travel together."""
        with self._driver.pipeline() as self._pipeline:
            try:
                yield
            finally:
                self._pipeline = None

    def sync(self) -> None:
        """Wait until everything sent has been executed; raise what one of them raised."""
        if self._pipeline is not None:
            self._pipeline.sync()

    def recover(self) -> None:
        """Take statements again after one raised; the transaction is still to be rolled back."""
        with contextlib.suppress(psycopg.Error):
            self.sync()
        # The server has skipped whatever followed the error, and psycopg takes a statement that it
        # would have prepared there for prepared all the same.
        self._driver._prepared.clear()

    def roll_back(self) -> None:
        """End the transaction without effect; a session that cannot do so is closed."""
        try:
            self.recover()
            self.execute("ROLLBACK")
            self.sync()
        except psycopg.Error:
            self.close()

    def close(self) -> None:
        """End the session."""
        self._driver.close()

    def _cursor(self) -> psycopg.RawCursor[Any]:
        cursor = psycopg.RawCursor(self._driver)
        if not self._adapted:
            _adapt(cursor)
        return cursor


class ConnectionPool:
    """Open sessions to take one at a time; as many are opened as are in use at once."""

    def __init__(self, uri: str, *, read_only: bool = False, relaxed: bool = False) -> None:
        self._uri = uri
        self._read_only = read_only
        self._relaxed = relaxed
        self._idle: list[PostgresConnection] = []
        self._lock = threading.Lock()
        self._closed = False

    @contextlib.contextmanager
    def connection(self) -> Iterator[PostgresConnection]:
        """Yield a session that nobody else uses, outside a transaction.

        Raises:
            psycopg.OperationalError: the server cannot be reached.
        """
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = PostgresConnection(
                self._uri, read_only=self._read_only, relaxed=self._relaxed
            )
        try:
            yield connection
        finally:
            with self._lock:
                keep = not connection.lost and not self._closed
                if keep:
                    self._idle.append(connection)
            if not keep:
                connection.close()

    def discard_idle(self) -> None:
        """Close the sessions that wait for use: the server they speak to may be gone."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def close(self) -> None:
        """Close the sessions; those in use when they are given back."""
        self._closed = True
        self.discard_idle()


def is_conflict(error: BaseException) -> bool:
    """Say whether the database chose this transaction as victim, and it may be run again."""
    return isinstance(error, _CONFLICTS)


def is_lock_timeout(error: BaseException) -> bool:
    """Say whether another transaction held a lock for too long."""
    return isinstance(error, errors.LockNotAvailable)


def is_lost_connection(error: BaseException) -> bool:
    """Say whether the session ended, so that its transaction is over."""
    if not isinstance(error, psycopg.OperationalError):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(("08", "57P"))


def translated_error(error: Exception) -> HeadwaterError:
    """Return a driver's exception as Headwater's.

    A refused constraint or a value that PostgreSQL cannot hold becomes `NotServedError`: MLflow's
    own code words the answer.
    """
    reason = str(error).strip().partition("\n")[0]
    if isinstance(error, _NOT_OURS_TO_WORD):
        return NotServedError(reason)
    if isinstance(error, _FULL):
        return DatabaseFullError("No space left for the database; free some space and retry.")
    if isinstance(error, _BUSY):
        return DatabaseBusyError(f"PostgreSQL is busy ({reason}); retry.")
    if is_lost_connection(error):
        return DatabaseBusyError(f"PostgreSQL cannot be reached ({reason}); retry.")
    return DatabaseError(reason)


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Translate the driver's exceptions into Headwater's; see `translated_error`."""
    try:
        yield
    except (psycopg.Error, OverflowError) as error:
        raise translated_error(error) from error


def _given(uri: str) -> dict[str, Any]:
    return conninfo_to_dict(libpq_uri(uri))


def _adapt(context: psycopg.Connection[Any] | psycopg.RawCursor[Any]) -> None:
    # One type for all integers, so that a statement is prepared once.
    context.adapters.register_dumper(int, Int8Dumper)
    context.adapters.register_dumper(bytes, BytesBinaryDumper)


@functools.lru_cache(maxsize=4096)
def _translated(statement: str, read_only: bool) -> str:
    """Number the placeholders, and lock the rows that are to be locked in a write."""
    numbers = itertools.count(1)
    numbered = _TOKEN.sub(
        lambda found: f"${next(numbers)}" if found[0] == "?" else found[0], statement
    )
    if NUMBER in numbered or MATCHES in numbered:
        numbered = _CALL.sub(_called, numbered)
    numbered = _ENTRY.sub(r"(CAST(\1 AS jsonb) ->> \2)", numbered)
    if read_only:
        return numbered
    numbered = numbered.replace(LOCK_FREE_ROWS, "FOR NO KEY UPDATE SKIP LOCKED")
    return numbered.replace(LOCK_ROW, "FOR NO KEY UPDATE")


def _called(call: re.Match[str]) -> str:
    """Return a portable function of a column as PostgreSQL does it."""
    column = call["column"]
    if call["name"] == MATCHES:
        return f"({column} ~ {call['pattern']})"
    return f"(CASE WHEN {column} ~ '{SPELLS_NUMBER}' THEN CAST({column} AS DOUBLE PRECISION) END)"
