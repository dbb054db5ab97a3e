"""The ``headwater+`` schemes, and how MLflow learns which databases they name.

MLflow imports this while it is being imported itself, so nothing of MLflow is imported on top.
"""

import os
import re
import sys
from typing import Any

BACKEND_STORE_VARIABLE = "_MLFLOW_SERVER_FILE_STORE"
"""Where `mlflow server` tells its processes the backend store URI."""

_PREFIX = "headwater+"
_POSTGRES = re.compile(r"^postgres(ql)?://")
_BOUND_EARLY = (
    "mlflow.server.auth.sqlalchemy_store",
    "mlflow.store.jobs.sqlalchemy_store",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.workspace.sqlalchemy_store",
)
"""Modules that keep their own reference to ``extract_db_type_from_uri``."""


def sqlalchemy_uri(store_uri: str) -> str:
    """Return the URI that SQLAlchemy knows: ``headwater+sqlite:///x.db`` is ``sqlite:///x.db``.

    PostgreSQL is reached by the driver that Headwater itself uses.
    """
    uri = store_uri.removeprefix(_PREFIX)
    return _POSTGRES.sub("postgresql+psycopg://", uri)


def accept_scheme() -> None:
    """Make MLflow take a ``headwater+sqlite`` or ``headwater+postgresql`` URI for what it is.

    MLflow's job and workspace stores open the backend store URI themselves, after asking one
    function what kind of database it names; there is no extension point for the answer.
    """
    import mlflow.utils.uri  # noqa: PLC0415  # see above

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
    """Call `accept_scheme` in a process of `mlflow server` over a ``headwater+`` URI.

    Such a process may open MLflow's other stores before ours.
    """
    if os.environ.get(BACKEND_STORE_VARIABLE, "").startswith(_PREFIX):
        accept_scheme()
