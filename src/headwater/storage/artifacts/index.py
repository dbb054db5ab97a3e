"""Where chunks are, by their hashes: a cache that may be lost, and begins anew.

An SQLite file; any number of processes of a machine share it. What it says is checked before it is
relied upon, since a pack may have been removed meanwhile.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from headwater.errors import ArtifactStoreError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS chunks (
    hash BLOB PRIMARY KEY, pack TEXT NOT NULL, offset INTEGER NOT NULL, stored INTEGER NOT NULL,
    length INTEGER NOT NULL, base BLOB, depth INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS chunks_by_pack ON chunks (pack);
CREATE TABLE IF NOT EXISTS read_packs (pack TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS read_until (name TEXT PRIMARY KEY, seconds REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS structures (
    structure BLOB NOT NULL, path TEXT NOT NULL, stored_at INTEGER NOT NULL,
    PRIMARY KEY (structure, path)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recipes (
    recipe BLOB PRIMARY KEY, size INTEGER NOT NULL, stored_at INTEGER NOT NULL, path TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS recipes_by_size ON recipes (size, stored_at);
CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changes_until (
    name TEXT PRIMARY KEY, change_id INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS totals (
    directory TEXT PRIMARY KEY, files INTEGER NOT NULL, size INTEGER NOT NULL
) WITHOUT ROWID;
"""
_COMPLETE = 1
"""The file's ``user_version`` when all that packs and manifests hold is in it."""

_FIND = "SELECT pack, offset, stored, length, base, depth FROM chunks WHERE hash = ?"
_FIND_IN = "SELECT hash, pack, offset, stored, length, base, depth FROM chunks"
_ADD = "INSERT OR REPLACE INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?)"
_ADD_BETTER = """
INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (hash) DO UPDATE SET
    pack = excluded.pack, offset = excluded.offset, stored = excluded.stored,
    length = excluded.length, base = excluded.base, depth = excluded.depth
WHERE excluded.depth < chunks.depth
"""
_ADD_TO_TOTAL = """
INSERT INTO totals VALUES (?, ?, ?)
ON CONFLICT (directory) DO UPDATE SET files = files + excluded.files, size = size + excluded.size
"""
_TOTAL = "SELECT files, size FROM totals WHERE directory = ?"
_PATHS = "SELECT path FROM files WHERE path > ? ORDER BY path LIMIT ?"
_BELOW = "SELECT path FROM files WHERE path >= ? AND path < ?"
_PAGE = 1_000
_BUSY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a chunk is."""

    pack: str
    offset: int
    stored: int
    length: int
    base: bytes | None = None
    """Hash of the chunk that it is a difference to."""

    depth: int = 0
    """How many differences have to be undone to read it."""


class ChunkIndex:
    """The index in one file; any thread may use it."""

    def __init__(self, path: Path) -> None:
        """Raises ArtifactStoreError if the file cannot be used."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise ArtifactStoreError(
                f"the index {path} cannot be used: {error}; it may be deleted, and begins anew"
            ) from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def find(self, digest: bytes) -> Place | None:
        """Return where a chunk is said to be."""
        with self._used() as connection:
            row = connection.execute(_FIND, (digest,)).fetchone()
        return None if row is None else Place(*row)

    def add(self, places: Iterable[tuple[bytes, Place]]) -> None:
        """Note where chunks are, in place of what was noted of them before."""
        self._add(_ADD, places)

    def add_better(self, places: Iterable[tuple[bytes, Place]]) -> None:
        """Note where chunks are as well, in place of where they depend on more others."""
        self._add(_ADD_BETTER, places)

    def _add(self, statement: str, places: Iterable[tuple[bytes, Place]]) -> None:
        rows = [
            (digest, each.pack, each.offset, each.stored, each.length, each.base, each.depth)
            for digest, each in places
        ]
        packs = {(each[1],) for each in rows}
        with self._used() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(statement, rows)
            connection.executemany("INSERT OR IGNORE INTO read_packs VALUES (?)", packs)
            connection.execute("COMMIT")

    def packs(self) -> set[str]:
        """Return the packs of which the chunks are noted."""
        with self._used() as connection:
            return {name for (name,) in connection.execute("SELECT pack FROM read_packs")}

    def read_until(self) -> float:
        """Return the time of the last file that is noted; see `note_read_until`."""
        with self._used() as connection:
            row = connection.execute("SELECT max(seconds) FROM read_until").fetchone()
        return float(row[0] or 0.0)

    def note_read_until(self, seconds: float) -> None:
        """Note that all files that are older have been noted; since the epoch."""
        with self._used() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO read_until VALUES ('manifests', ?)", (seconds,)
            )

    def read_anew(self) -> None:
        """Have all packs and files read again; what is noted stays."""
        with self._used() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM read_packs")
            connection.execute("DELETE FROM read_until")
            connection.execute("COMMIT")

    def forget_packs(self, packs: Sequence[str]) -> None:
        """Forget all chunks of packs."""
        with self._used() as connection:
            connection.execute("BEGIN IMMEDIATE")
            names = [(each,) for each in packs]
            connection.executemany("DELETE FROM chunks WHERE pack = ?", names)
            connection.executemany("DELETE FROM read_packs WHERE pack = ?", names)
            connection.execute("COMMIT")

    def note_structure(self, structure: bytes, path: str, stored_at: int) -> None:
        """Note a file by the names and sizes of its tensors."""
        with self._used() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO structures VALUES (?, ?, ?)", (structure, path, stored_at)
            )

    def note_recipe(self, recipe: bytes, size: int, stored_at: int, path: str) -> None:
        """Note where a file of these chunks is, in place of what was noted of it before."""
        with self._used() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO recipes VALUES (?, ?, ?, ?)",
                (recipe, size, stored_at, path),
            )

    def of_size(self, size: int, most: int) -> list[str]:
        """Return the paths of files of so many bytes, the last stored ones first."""
        with self._used() as connection:
            rows = connection.execute(
                "SELECT path FROM recipes WHERE size = ? ORDER BY stored_at DESC LIMIT ?",
                (size, most),
            )
            return [path for (path,) in rows]

    def find_recipe(self, recipe: bytes) -> str | None:
        """Return where a file of these chunks is said to be."""
        with self._used() as connection:
            rows = connection.execute("SELECT path FROM recipes WHERE recipe = ?", (recipe,))
            found = rows.fetchone()
        return None if found is None else str(found[0])

    def size_of(self, recipe: bytes) -> int | None:
        """Return the bytes of a file of these chunks, None where none is noted."""
        with self._used() as connection:
            rows = connection.execute("SELECT size FROM recipes WHERE recipe = ?", (recipe,))
            found = rows.fetchone()
        return None if found is None else int(found[0])

    def alike(self, structure: bytes, most: int) -> list[str]:
        """Return the paths of files of the same structure, the last stored ones first."""
        with self._used() as connection:
            rows = connection.execute(
                "SELECT path FROM structures WHERE structure = ? ORDER BY stored_at DESC LIMIT ?",
                (structure, most),
            )
            return [path for (path,) in rows]

    def in_pack(self, pack: str) -> list[tuple[bytes, Place]]:
        """Return the chunks that are said to be in a pack."""
        with self._used() as connection:
            rows = connection.execute(f"{_FIND_IN} WHERE pack = ?", (pack,))
            return [(digest, Place(*row)) for digest, *row in rows]

    def note_file(self, path: str, size: int | None) -> None:
        """Note the size of a file, in the totals as well; None: it is not there any more."""
        with self._used() as connection:
            connection.execute("BEGIN IMMEDIATE")
            _note_file(connection, path, size)
            connection.execute("COMMIT")

    def changes_until(self) -> int:
        """Return the number of the last change that `note_changes` has noted."""
        with self._used() as connection:
            row = connection.execute("SELECT max(change_id) FROM changes_until").fetchone()
        return int(row[0] or 0)

    def note_changes(self, changes: Iterable[tuple[str, int | None]], until: int) -> None:
        """Note sizes of files as `note_file` does, and up to which number all are noted.

        None: nothing is there any more, under the path or below it.
        """
        with self._used() as connection:
            connection.execute("BEGIN IMMEDIATE")
            for path, size in changes:
                _note_file(connection, path, size)
                if size is None:
                    # "0" is what comes behind the slash.
                    below = connection.execute(_BELOW, (f"{path}/", f"{path}0")).fetchall()
                    for (each,) in below:
                        _note_file(connection, each, None)
            connection.execute("INSERT OR REPLACE INTO changes_until VALUES ('files', ?)", (until,))
            connection.execute("COMMIT")

    def size(self, path: str) -> int | None:
        """Return the noted size of a file, None where none is noted."""
        with self._used() as connection:
            row = connection.execute("SELECT size FROM files WHERE path = ?", (path,)).fetchone()
        return None if row is None else int(row[0])

    def total(self, directory: str) -> tuple[int, int]:
        """Return how many files are noted below a directory, and their bytes."""
        with self._used() as connection:
            row = connection.execute(_TOTAL, (directory,)).fetchone()
        return (0, 0) if row is None else (int(row[0]), int(row[1]))

    def size_below(self, directory: str) -> int:
        """Return the bytes of all files that are noted below a directory."""
        return self.total(directory)[1]

    def paths(self) -> Iterator[str]:
        """Yield the paths of all files that are noted, in their order."""
        last = ""
        while True:
            with self._used() as connection:
                rows = connection.execute(_PATHS, (last, _PAGE)).fetchall()
            yield from (path for (path,) in rows)
            if len(rows) < _PAGE:
                return
            last = rows[-1][0]

    @property
    def is_complete(self) -> bool:
        """Whether all that packs and manifests hold is in it, as far as it is meant to be."""
        with self._used() as connection:
            return bool(connection.execute("PRAGMA user_version").fetchone()[0] == _COMPLETE)

    @is_complete.setter
    def is_complete(self, value: bool) -> None:
        with self._used() as connection:
            connection.execute(f"PRAGMA user_version = {_COMPLETE if value else 0}")

    @contextmanager
    def _used(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise ArtifactStoreError(f"the index of chunks fails: {error}") from error


def _note_file(connection: sqlite3.Connection, path: str, size: int | None) -> None:
    row = connection.execute("SELECT size FROM files WHERE path = ?", (path,)).fetchone()
    if size is None:
        connection.execute("DELETE FROM files WHERE path = ?", (path,))
    else:
        connection.execute("INSERT OR REPLACE INTO files VALUES (?, ?)", (path, size))
    files = (size is not None) - (row is not None)
    more = (size or 0) - (row[0] if row else 0)
    if files or more:
        changes = [(each, files, more) for each in _directories(path)]
        connection.executemany(_ADD_TO_TOTAL, changes)


def _directories(path: str) -> list[str]:
    """Return all directories that a file is below: ``""`` and on."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts))]
