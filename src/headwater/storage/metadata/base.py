"""What a metadata database offers: snapshots to read from and group-committed writes.

Statements are portable SQL with ``?`` placeholders, so that each lives in one place and every
backend runs it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

LOCK_ROW = "/* lock row */"
"""Ends a SELECT of one row that other writers must not change until the transaction ends.

Where several write at once, a write locks the row of its run before all that belongs to the run.
SQLite, which has one writer at a time, takes it for the comment that it is.
"""

NUMBER = "headwater_number"
"""A function of a text column or `ENTRY`: the number that it spells (`SPELLS_NUMBER`), or NULL."""

MATCHES = "headwater_matches"
"""A function of a text column and a pattern that `search_language.pattern` has normalised."""

PAIRS = "json_each"
"""A table function of a JSON object: its rows of ``key`` and ``value``."""

ENTRY = "json_extract({0}, '$.\"' || {1} || '\"')"
"""The text that a JSON object of texts has for a key, or NULL. A format, of two columns."""

SPELLS_NUMBER = (
    r"^[-+]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][-+]?[0-9]{1,2})?$"
    r"|^[-+]?[1-9](\.[0-9]{0,40})?[eE]([-+]?([0-2][0-9][0-9]|30[0-7])|-(30[89]|31[0-9]|32[0-3]))$"
    r"|^[-+]?([5-9](\.[0-9]{0,40})?[eE]-324|1(\.[0-6][0-9]{0,40})?[eE][+]?308)$"
    r"|^[-+]?1\.7976931348623157[eE][+]?308$"
    r"|^[-+]?[iI][nN][fF]([iI][nN][iI][tT][yY])?$"
)
"""The texts that are compared as numbers: what Python prints of one, save a few near the largest.

Written so that Python and PostgreSQL agree on what matches, and that none of it is out of range.
"""

LOCK_FREE_ROWS = "/* lock free rows */"
"""Ends a SELECT of rows in the same way, but leaves out those that others have locked."""

Result = TypeVar("Result")
Row = tuple[Any, ...]
Parameters = Sequence[Any]


class Cursor(Protocol):
    """Rows of one executed statement."""

    @property
    def rowcount(self) -> int:
        """Rows that an INSERT, UPDATE or DELETE changed."""

    def fetchone(self) -> Any:
        """Return the next row, or None."""

    def fetchall(self) -> list[Any]:
        """Return the remaining rows."""

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """An open transaction on the database."""

    def execute(self, statement: str, parameters: Parameters = ..., /) -> Cursor:
        """Execute one statement."""

    def executemany(self, statement: str, rows: Iterable[Parameters], /) -> Cursor:
        """Execute one statement once a row."""


Operation = Callable[[Connection], Result]


class Database(ABC):
    """A database that holds MLflow's tables and Headwater's.

    Guarantees: a `write` that returned survives kill -9 and power loss; it is applied as a whole
    or, where its operation raises, not at all. Writers in other processes are waited for. A `read`
    sees one snapshot, which contains every write that returned before it began. `write` and `read`
    belong to one event loop; `read_now` may be called on any thread.
    """

    @abstractmethod
    async def write(self, operation: Operation[Result], *, long: bool = False) -> Result:
        """Run the operation in a write transaction and return its result once it is durable.

        Operations of concurrent callers may share one commit. An operation must not keep the
        connection, and may be run again after its transaction failed. One that takes more than a
        millisecond or two must say so with ``long``: it then runs on a thread.

        Raises:
            DatabaseError: the transaction could not be committed.
        """

    @abstractmethod
    async def read(self, operation: Operation[Result], *, brief: bool = False) -> Result:
        """Run the operation on a snapshot, on a worker thread.

        One of microseconds may say so with ``brief``: where the database is at hand, it runs
        without a change of threads.
        """

    @abstractmethod
    async def search(self, operation: Operation[Result], seconds: float) -> Result:
        """Run an operation that may take long on a snapshot, on threads that no other reads use.

        Raises:
            StatementTimeoutError: a statement had not ended after so many seconds.
        """

    @abstractmethod
    def read_now(self, operation: Operation[Result]) -> Result:
        """Run the operation on a snapshot, on this thread, which waits for it."""

    async def make_room(self) -> None:
        """Do what makes later writes faster, beside other work; a process that stays may call it.

        Does nothing where there is nothing of the kind.
        """
        return

    @abstractmethod
    def close(self) -> None:
        """Finish the writes under way and close every connection."""
