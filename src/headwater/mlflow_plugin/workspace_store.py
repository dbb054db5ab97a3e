"""Entry point of the ``headwater+`` workspace providers: MLflow's own, same database."""

from typing import Any

from headwater.mlflow_plugin.uri import accept_scheme, sqlalchemy_uri


def open_workspace_store(workspace_uri: str) -> Any:
    """Open MLflow's workspace store on the database of a ``headwater+`` URI."""
    # Loaded on demand, as MLflow loads it; see tracking_store.
    from mlflow.store.workspace.sqlalchemy_store import SqlAlchemyStore  # noqa: PLC0415

    accept_scheme()
    return SqlAlchemyStore(sqlalchemy_uri(workspace_uri))
