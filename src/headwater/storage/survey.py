"""What looking at a database without changing it gives: its schema, its sizes, its rows."""

from collections.abc import Mapping
from dataclasses import dataclass

from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.inspect import FoundSchema


@dataclass(frozen=True)
class Sizes:
    """Bytes."""

    total: int
    """Of the files, or of the database on its server."""

    free: int
    """Of pages inside that hold nothing and are kept for what comes next."""

    disk_free: int | None
    """Where the file is; None where the database is on another machine."""

    tables: Mapping[str, int]
    """Of each table with its indexes, as far as they could be told in reasonable time."""

    journal: str | None
    """How SQLite keeps transactions apart, such as ``wal``; None elsewhere."""


@dataclass(frozen=True)
class Survey:
    """A snapshot that statements may read, and what was found out beforehand."""

    connection: Connection
    schema: FoundSchema
    sizes: Sizes
