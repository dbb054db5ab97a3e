"""The databases that servers work on: made, copied from a template, measured."""

import shutil
import sqlite3
from abc import ABC, abstractmethod
from contextlib import closing
from pathlib import Path


class Database(ABC):
    """One server's database."""

    uri: str
    """As the server's command line takes it; no two databases share one."""

    @abstractmethod
    def size(self) -> int:
        """Return the bytes it takes, logs that are written back left out; servers may be on it."""

    @abstractmethod
    def keep(self, name: str) -> str:
        """Return a template that equals it; its server has stopped."""


class Storage(ABC):
    """Makes databases of one kind."""

    @abstractmethod
    def make(self, directory: Path, template: str | None) -> Database:
        """Return a new database, empty or a copy of what `Database.keep` returned."""


class SqliteDatabase(Database):
    """A file in the server's directory."""

    def __init__(self, path: Path, scheme: str) -> None:
        self.path = path
        self.uri = f"{scheme}{path}"

    def size(self) -> int:
        """See `Database.size`."""
        with closing(sqlite3.connect(self.path, timeout=60)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return sum(path.stat().st_size for path in self.path.parent.glob(f"{self.path.name}*"))

    def keep(self, name: str) -> str:
        """See `Database.keep`; the template is a file beside the server's directory."""
        self.size()
        template = self.path.parent.parent / f"{name}.db"
        shutil.copyfile(self.path, template)
        return str(template)


class SqliteStorage(Storage):
    """SQLite files; how their URI starts differs between programs."""

    def __init__(self, scheme: str = "sqlite:///") -> None:
        self._scheme = scheme

    def make(self, directory: Path, template: str | None) -> Database:
        """See `Storage.make`."""
        path = directory / "mlflow.db"
        if template is not None:
            shutil.copyfile(template, path)
        return SqliteDatabase(path, self._scheme)
