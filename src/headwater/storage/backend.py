"""Which database holds a server's data, and how it is prepared and opened."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from headwater.errors import ConfigurationError
from headwater.mlflow_release import MlflowRelease
from headwater.storage.metadata import prepare, sqlite_survey
from headwater.storage.metadata.base import Database
from headwater.storage.metadata.inspect import SchemaState
from headwater.storage.metadata.sqlite import SqliteDatabase
from headwater.storage.metrics.activity import Activity
from headwater.storage.metrics.base import MetricEngine
from headwater.storage.metrics.migrate import Migrated
from headwater.storage.metrics.migrate_offline import migrate_offline
from headwater.storage.metrics.sqlite import SqliteMetricEngine
from headwater.storage.survey import Survey


class Backend(ABC):
    """A database that may not exist yet."""

    name: str
    """For people to read; without a password."""

    uri: str
    """What SQLAlchemy opens, but for the driver; may hold a password."""

    @abstractmethod
    def inspect(self, release: MlflowRelease) -> SchemaState:
        """Return what the database needs, changing nothing.

        Raises:
            SchemaError: it cannot serve, and the message says what to do.
        """

    @abstractmethod
    def create(self, release: MlflowRelease, artifact_root: str) -> None:
        """Make the database, with MLflow's default experiment, where it is EMPTY.

        Raises:
            SchemaError: it cannot be made.
        """

    @abstractmethod
    def migrate(self) -> None:
        """Add Headwater's tables or bring them up to date.

        Raises:
            SchemaError: a migration failed; the database is as it was.
        """

    @abstractmethod
    def open(
        self, activity: Activity | None = None, *, relaxed: bool = False
    ) -> tuple[Database, MetricEngine]:
        """Open the database, which must be CURRENT; what is stored is noted in `activity`.

        `relaxed`: what is written last may be lost with the power of the database's machine.

        Raises:
            DatabaseError: it cannot be opened.
        """

    @abstractmethod
    def surveyed(self) -> AbstractContextManager[Survey]:
        """Look at the database as it is, whoever wrote it, changing nothing.

        Raises:
            SchemaError: it cannot be opened.
        """

    @abstractmethod
    def give_back_space(self) -> None:
        """Return what migrated rows took to the operating system; other writers wait meanwhile.

        Raises:
            DatabaseError: the database refused.
        """

    def migrate_offline(self, progress: Callable[[int], None]) -> Migrated:  # noqa: ARG002
        """Move all metric rows into chunks while nobody else uses the database, told of each step.

        Raises:
            ConfigurationError: this kind of database has no such mode.
            DatabaseBusyError: somebody else uses it.
        """
        raise ConfigurationError("--offline is for SQLite databases; leave it out")

    def prepare(self, release: MlflowRelease, artifact_root: str) -> None:
        """Do whatever is needed for the database to be CURRENT.

        Raises:
            SchemaError: it cannot serve.
        """
        state = self.inspect(release)
        if state is SchemaState.EMPTY:
            self.create(release, artifact_root)
            state = self.inspect(release)
        if state is SchemaState.NEEDS_MIGRATION:
            self.migrate()


class SqliteBackend(Backend):
    """A SQLite file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = str(path)
        self.uri = f"sqlite:///{path}"

    def inspect(self, release: MlflowRelease) -> SchemaState:
        """See `Backend.inspect`."""
        return prepare.inspect(self._path, release)

    def create(self, release: MlflowRelease, artifact_root: str) -> None:
        """See `Backend.create`."""
        prepare.create(self._path, release, artifact_root)

    def migrate(self) -> None:
        """See `Backend.migrate`."""
        prepare.migrate(self._path)

    def open(
        self, activity: Activity | None = None, *, relaxed: bool = False
    ) -> tuple[Database, MetricEngine]:
        """See `Backend.open`."""
        return SqliteDatabase(self._path, relaxed=relaxed), SqliteMetricEngine(activity)

    def surveyed(self) -> AbstractContextManager[Survey]:
        """See `Backend.surveyed`."""
        return sqlite_survey.surveyed(self._path)

    def give_back_space(self) -> None:
        """See `Backend.give_back_space`."""
        sqlite_survey.give_back_space(self._path)

    def migrate_offline(self, progress: Callable[[int], None]) -> Migrated:
        """See `Backend.migrate_offline`."""
        return migrate_offline(self._path, progress)


def backend_of(database: Path | str) -> Backend:
    """Return the backend of a SQLite file, or of the URI of a PostgreSQL database.

    Raises:
        ConfigurationError: what the database needs is not installed, or the URI is malformed.
    """
    if isinstance(database, Path):
        return SqliteBackend(database)
    try:
        # An extra, which servers on SQLite need not have nor load.
        from headwater.storage.postgres_backend import PostgresBackend  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(
            f"a PostgreSQL database needs the driver psycopg ({error}); "
            "run: pip install 'headwater[postgres]'"
        ) from error
    return PostgresBackend(database)
