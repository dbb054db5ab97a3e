"""The ``headwater+sqlite`` scheme: what it names, and how MLflow learns that it is SQLite."""

import os
import sys
from pathlib import Path
from typing import Any

import mlflow.utils.uri
from mlflow.exceptions import MlflowException

SCHEME = "headwater+sqlite"
BACKEND_STORE_VARIABLE = "_MLFLOW_SERVER_FILE_STORE"
"""Where `mlflow server` tells its processes the backend store URI."""

_PREFIX = "headwater+"
_BOUND_EARLY = (
    "mlflow.server.auth.sqlalchemy_store",
    "mlflow.store.jobs.sqlalchemy_store",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.workspace.sqlalchemy_store",
)
"""Modules that keep their own reference to ``extract_db_type_from_uri``."""


def sqlalchemy_uri(store_uri: str) -> str:
    """Return the URI that SQLAlchemy knows: ``headwater+sqlite:///x.db`` is ``sqlite:///x.db``."""
    return store_uri.removeprefix(_PREFIX)


def headwater_uri(store_uri: str) -> str:
    """Return the URI that opens Headwater's store on the database of a SQLite URI.

    Raises:
        MlflowException: the URI names no SQLite file.
    """
    database_path(store_uri)
    return f"{SCHEME}://{store_uri.partition('://')[2]}"


def database_path(store_uri: str) -> Path:
    """Return the file that a SQLite URI names, of either scheme.

    Raises:
        MlflowException: the URI names no SQLite file.
    """
    scheme, _, rest = sqlalchemy_uri(store_uri).partition("://")
    path = rest.partition("?")[0]
    if (
        scheme.partition("+")[0] != "sqlite"
        or not path.startswith("/")
        or path in ("/", "/:memory:")
    ):
        raise MlflowException.invalid_parameter_value(
            "Headwater keeps its data in a SQLite file, such as sqlite:///mlflow.db; "
            f"got {store_uri}"
        )
    return Path(path[1:])


def accept_scheme() -> None:
    """Make MLflow take a ``headwater+sqlite`` URI for the SQLite database that it is.

    MLflow's job and workspace stores open the backend store URI themselves, after asking one
    function what kind of database it names; there is no extension point for the answer.
    """
    original = mlflow.utils.uri.extract_db_type_from_uri
    if hasattr(original, "__wrapped__"):
        return

    def extract_db_type_from_uri(db_uri: str) -> Any:
        return original(sqlalchemy_uri(db_uri))

    extract_db_type_from_uri.__wrapped__ = original  # type: ignore[attr-defined]  # marks ours
    mlflow.utils.uri.extract_db_type_from_uri = extract_db_type_from_uri
    for name in _BOUND_EARLY:
        if (module := sys.modules.get(name)) is not None:
            vars(module)["extract_db_type_from_uri"] = extract_db_type_from_uri


def accept_scheme_in_server() -> None:
    """Call `accept_scheme` in a process of `mlflow server` over a ``headwater+sqlite`` URI.

    Such a process may open MLflow's other stores before ours.
    """
    if os.environ.get(BACKEND_STORE_VARIABLE, "").startswith(f"{SCHEME}:"):
        accept_scheme()
