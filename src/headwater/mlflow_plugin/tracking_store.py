"""Entry point of the ``headwater+`` tracking stores.

MLflow loads entry points whenever it is imported, so this module must be cheap.
"""

from typing import Any

from headwater.mlflow_plugin.uri import accept_scheme, accept_scheme_in_server

accept_scheme_in_server()


def open_tracking_store(store_uri: str, artifact_uri: str | None = None) -> Any:
    """Open the store of a ``headwater+`` URI; creates what the database lacks."""
    # MLflow's stores take a second to import, which clients of a remote server should not pay.
    from headwater.mlflow_plugin import metric_store  # noqa: PLC0415

    accept_scheme()
    return metric_store.open_store(store_uri, artifact_uri)
