"""The database that a command works on."""

from pathlib import Path

from headwater.errors import ConfigurationError
from headwater.mlflow_release import installed_release
from headwater.server.settings import DEFAULT_DATA_DIR, database_of
from headwater.storage.backend import Backend, backend_of
from headwater.storage.metadata.inspect import SchemaState


def registry_database(registry_store_uri: str | None, backend: Backend) -> Backend:
    """Return the database of the model registry: `backend`, unless it has one of its own.

    Raises:
        ConfigurationError: it is no database that Headwater can open.
    """
    if not registry_store_uri:
        return backend
    registry = backend_of(database_of(registry_store_uri, Path()))
    return backend if registry.uri == backend.uri else registry


def named_database(data_dir: str | None, backend_store_uri: str | None) -> Backend:
    """Return the database that the options name, as it is.

    Raises:
        ConfigurationError: there is no database.
        SchemaError: the file cannot be a database, or the server cannot be reached.
    """
    database: Path | str = Path(data_dir or DEFAULT_DATA_DIR).absolute() / "mlflow.db"
    if backend_store_uri:
        database = database_of(backend_store_uri, Path())
    backend = backend_of(database)
    if isinstance(database, Path) and (not database.exists() or database.stat().st_size == 0):
        raise _missing(backend)
    return backend


def existing_database(data_dir: str | None, backend_store_uri: str | None) -> Backend:
    """Return an MLflow database, with Headwater's tables added where they are missing.

    Raises:
        ConfigurationError: there is no database.
        SchemaError: it is not one that this installation works with.
    """
    backend = named_database(data_dir, backend_store_uri)
    state = backend.inspect(installed_release())
    if state is SchemaState.EMPTY:
        raise _missing(backend)
    if state is SchemaState.NEEDS_MIGRATION:
        backend.migrate()
    return backend


def _missing(backend: Backend) -> ConfigurationError:
    return ConfigurationError(
        f"there is no database at {backend.name}; name yours with --data-dir or --backend-store-uri"
    )
