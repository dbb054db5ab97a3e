"""Entry points of ``mlflow-artifacts:``, ``headwater-cas+file:`` and ``headwater-cas+s3:``.

The first is MLflow's own scheme, for ``headwater://`` tracking URIs as well: MLflow asks the
tracking URI where the server is, and takes http and https for an answer only.
"""

from typing import Any
from urllib.parse import urlsplit


def open_artifact_repository(
    artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
) -> Any:
    """Open the artifacts behind a tracking server."""
    # Loaded on demand, as MLflow loads it; see client_store.
    from mlflow.tracking._tracking_service.utils import get_tracking_uri  # noqa: PLC0415

    from headwater.client.settings import http_uri, is_spooled  # noqa: PLC0415
    from headwater.client.spool.offline import is_offline  # noqa: PLC0415
    from headwater.mlflow_plugin.fast_artifacts import FastArtifactsRepository  # noqa: PLC0415
    from headwater.mlflow_plugin.spooling_artifacts import (  # noqa: PLC0415
        SpoolingArtifactsRepository,
    )

    tracking_uri = tracking_uri or get_tracking_uri()
    server = http_uri(tracking_uri)
    if (
        is_spooled(tracking_uri)
        and not is_offline(tracking_uri)
        and _is_served_by(server, artifact_uri)
    ):
        return SpoolingArtifactsRepository(artifact_uri, tracking_uri, registry_uri)
    return FastArtifactsRepository(artifact_uri, tracking_uri=server, registry_uri=registry_uri)


def _is_served_by(server: str, artifact_uri: str) -> bool:
    """Say whether it is that server which has the artifacts; a URI may name another."""
    named, own = urlsplit(artifact_uri), urlsplit(server)
    return named.netloc in ("", own.netloc.rpartition("@")[2])


def open_chunked_repository(
    artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
) -> Any:
    """Open the artifact store in a directory or a bucket."""
    from headwater.mlflow_plugin.chunked_artifacts import (  # noqa: PLC0415
        ChunkedArtifactRepository,
    )

    return ChunkedArtifactRepository(artifact_uri, tracking_uri, registry_uri)
