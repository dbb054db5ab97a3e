"""The database that a command works on."""

from pathlib import Path

from headwater.errors import ConfigurationError
from headwater.mlflow_release import installed_release
from headwater.server.settings import DEFAULT_DATA_DIR, sqlite_path
from headwater.storage.metadata import prepare


def existing_database(data_dir: str | None, backend_store_uri: str | None) -> Path:
    """Return the path of an MLflow database, with Headwater's tables added where they are missing.

    Raises:
        ConfigurationError: there is no database.
        SchemaError: it is not one that this installation works with.
    """
    path = Path(data_dir or DEFAULT_DATA_DIR).absolute() / "mlflow.db"
    if backend_store_uri:
        path = sqlite_path(backend_store_uri, Path())
    state = prepare.inspect(path, installed_release())
    if state is prepare.SchemaState.EMPTY:
        raise ConfigurationError(
            f"there is no database at {path}; name yours with --data-dir or --backend-store-uri"
        )
    if state is prepare.SchemaState.NEEDS_MIGRATION:
        prepare.migrate(path)
    return path
