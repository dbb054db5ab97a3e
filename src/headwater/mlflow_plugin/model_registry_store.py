"""Entry point of the ``headwater+`` model registries: MLflow's own, on the same database."""

from typing import Any

from headwater.mlflow_plugin.uri import accept_scheme, accept_scheme_in_server, sqlalchemy_uri

accept_scheme_in_server()


def open_model_registry_store(store_uri: str, **_: Any) -> Any:
    """Open MLflow's registry store on the database of a ``headwater+`` URI."""
    # Loaded on demand, as MLflow loads them; see tracking_store.
    from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES  # noqa: PLC0415
    from mlflow.store.model_registry import (  # noqa: PLC0415
        sqlalchemy_store,
        sqlalchemy_workspace_store,
    )

    accept_scheme()
    if MLFLOW_ENABLE_WORKSPACES.get():
        return sqlalchemy_workspace_store.WorkspaceAwareSqlAlchemyStore(sqlalchemy_uri(store_uri))
    return sqlalchemy_store.SqlAlchemyStore(sqlalchemy_uri(store_uri))
