"""Where the artifacts are that clients reach through a server."""

from urllib.parse import unquote

from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from headwater.entities.artifact_store_uri import is_store

_PROXIED = "mlflow-artifacts:"


def located(artifact_uri: str, destination: str) -> tuple[ArtifactRepository, str | None]:
    """Return a repository and where in it artifacts are; None: they are all of it.

    Raises:
        OSError: they would be somewhere else altogether.
        MlflowException: there is no repository of the kind.
    """
    uri, root = resolved(artifact_uri, destination), destination.rstrip("/")
    if is_store(uri) and f"{uri}/".startswith(f"{root}/"):
        # Of the one store: a repository further down may have begun another.
        return get_artifact_repository(destination), unquote(uri.removeprefix(root).strip("/"))
    return get_artifact_repository(uri), None


def resolved(artifact_uri: str, destination: str) -> str:
    """Return where artifacts are that clients reach through the server.

    Raises:
        OSError: they would be somewhere else altogether.
    """
    if not artifact_uri.startswith(_PROXIED):
        return artifact_uri
    path = artifact_uri.removeprefix(_PROXIED)
    if path.startswith("//"):  # mlflow-artifacts://host/path
        path = path[2:].partition("/")[2]
    if ".." in unquote(path).split("/"):
        raise OSError(f"its artifacts are not below the server's: {artifact_uri}")
    return f"{destination.rstrip('/')}/{path.lstrip('/')}"
