"""Looks at a SQLite file without changing it, whoever wrote it, and gives free pages back."""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from headwater.errors import SchemaError
from headwater.storage.metadata.inspect import check_is_file, read_schema
from headwater.storage.metadata.sqlite_connection import connect, translated_errors
from headwater.storage.survey import Sizes, Survey

_LARGEST_WALKED = 4 * 1024**3
"""A larger database would take minutes to read page by page."""

_TABLE_SIZES = """
SELECT tbl_name, sum(pgsize) FROM sqlite_master JOIN dbstat USING (name)
WHERE aggregate = TRUE GROUP BY tbl_name
"""


@contextlib.contextmanager
def surveyed(path: Path) -> Iterator[Survey]:
    """Yield what a file holds, and a snapshot of it to read.

    Raises:
        SchemaError: it cannot be opened as a SQLite database.
    """
    check_is_file(path)
    try:
        # Not mode=ro: opening a database in WAL mode needs its shared memory file.
        connection = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode=rw", uri=True, isolation_level=None
        )
        with contextlib.closing(connection):
            connection.execute("PRAGMA query_only = ON")
            (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
            connection.execute("BEGIN")
            yield Survey(
                connection, read_schema(connection, path), _sizes(connection, path, journal)
            )
    except sqlite3.Error as error:
        raise SchemaError(f"{path} cannot be read as a SQLite database: {error}") from error


def give_back_space(path: Path) -> None:
    """Shrink the file to what it holds; other writers wait meanwhile.

    Raises:
        DatabaseError: another process kept it busy, or there is no room for a copy.
    """
    with translated_errors(), contextlib.closing(connect(path)) as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _sizes(connection: sqlite3.Connection, path: Path, journal: str) -> Sizes:
    def pragma(name: str) -> int:
        return int(connection.execute(f"PRAGMA {name}").fetchone()[0])

    total = sum(
        file.stat().st_size for file in (path, path.with_name(f"{path.name}-wal")) if file.exists()
    )
    return Sizes(
        total,
        pragma("freelist_count") * pragma("page_size"),
        shutil.disk_usage(os.path.realpath(path.parent)).free,
        _table_sizes(connection, total),
        journal,
    )


def _table_sizes(connection: sqlite3.Connection, total: int) -> dict[str, int]:
    if total > _LARGEST_WALKED:
        return {}
    try:
        return dict(connection.execute(_TABLE_SIZES).fetchall())
    except sqlite3.OperationalError:  # a SQLite that was built without dbstat
        return {}
