"""Entry points of ``headwater://`` and ``headwater+https://``: a server, reached through a spool.

MLflow loads entry points whenever it is imported, so this module must be cheap: all is loaded
on demand, as MLflow does it.
"""

from functools import partial
from typing import Any


def open_client_store(store_uri: str, artifact_uri: str | None = None) -> Any:  # noqa: ARG001  # MLflow's
    """Open the tracking store of a server: metrics, params and tags go through a spool.

    Where the server is away, and for ``headwater://offline``, it is a store on this machine.
    """
    from headwater.mlflow_plugin import offline_store, spooling_store  # noqa: PLC0415

    directory = offline_store.offline_directory(store_uri)
    if directory is not None:
        return offline_store.open_offline_store(directory)
    return spooling_store.SpoolingStore(store_uri)


def open_client_registry(store_uri: str, **_: Any) -> Any:
    """Open MLflow's own client of the server's model registry."""
    from mlflow.exceptions import MlflowException  # noqa: PLC0415
    from mlflow.store.model_registry.rest_store import RestStore  # noqa: PLC0415
    from mlflow.utils.credentials import get_default_host_creds  # noqa: PLC0415

    from headwater.client.settings import http_uri  # noqa: PLC0415
    from headwater.client.spool.offline import is_offline  # noqa: PLC0415

    if is_offline(store_uri):
        raise MlflowException.invalid_parameter_value(
            "The model registry needs the server; register the model after headwater sync"
        )
    return RestStore(partial(get_default_host_creds, http_uri(store_uri)))


def open_client_workspaces(workspace_uri: str) -> Any:
    """Open MLflow's own client of the server's workspaces."""
    from mlflow.store.workspace.rest_store import RestWorkspaceStore  # noqa: PLC0415
    from mlflow.utils.credentials import get_default_host_creds  # noqa: PLC0415

    from headwater.client.settings import http_uri  # noqa: PLC0415

    return RestWorkspaceStore(partial(get_default_host_creds, http_uri(workspace_uri)))
