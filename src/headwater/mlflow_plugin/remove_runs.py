"""``python -m headwater.mlflow_plugin.remove_runs``: removes deleted runs for good.

Reads ``{"uri": ..., "artifacts_destination": ...}`` on a line of standard input, then run ids, a
line each, and answers each with ``{"error": text or null}``. MLflow's own store removes a run from
all of its tables, which differ between releases; Headwater's follow by their foreign keys. (The
command ``mlflow gc --run-ids`` would remove every deleted experiment and model as well.)
"""

import json
import sys
from urllib.parse import unquote

from mlflow.entities import LifecycleStage
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from headwater.entities.artifact_store_uri import STORE_SCHEME
from headwater.mlflow_plugin.uri import sqlalchemy_uri

_PROXIED = "mlflow-artifacts:"


def main() -> None:
    """Serve one command."""
    settings = json.loads(sys.stdin.readline())
    store = SqlAlchemyStore(sqlalchemy_uri(settings["uri"]), "mlflow-artifacts:/")
    for line in sys.stdin:
        error = remove_run(store, line.strip(), settings["artifacts_destination"])
        sys.stdout.write(json.dumps({"error": error}) + "\n")
        sys.stdout.flush()


def remove_run(store: SqlAlchemyStore, run_id: str, destination: str) -> str | None:
    """Remove a deleted run's artifacts, then the run; return why not, or None.

    `destination` is where the server keeps ``mlflow-artifacts:`` artifacts.
    """
    try:
        info = store.get_run(run_id).info
        if info.lifecycle_stage != LifecycleStage.DELETED:
            return "it has been restored"
        repository, path = located(info.artifact_uri, destination)
        repository.delete_artifacts(path)
        store._hard_delete_run(run_id)
    except (MlflowException, OSError, ImportError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def located(artifact_uri: str, destination: str) -> tuple[ArtifactRepository, str | None]:
    """Return a repository and where in it artifacts are; None: they are all of it.

    Raises:
        OSError: they would be somewhere else altogether.
        MlflowException: there is no repository of the kind.
    """
    uri = resolved(artifact_uri, destination)
    if uri.startswith(f"{STORE_SCHEME}:") and uri.startswith(destination):
        # Of the one store: a repository further down may have begun another.
        return get_artifact_repository(destination), unquote(
            uri.removeprefix(destination).strip("/")
        )
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


if __name__ == "__main__":
    main()
