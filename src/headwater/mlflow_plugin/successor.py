"""Tells the artifact store which model or file a new one is a successor of.

>>> with headwater.successor_of("models:/vision@champion"):
...     mlflow.pytorch.log_model(model, name="model")
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from headwater.mlflow_plugin.artifact_server import ArtifactServer
from headwater.mlflow_plugin.fast_artifacts import FastArtifactsRepository, declared_base

_MODELS, _RUNS = "models:/", "runs:/"


@contextmanager
def successor_of(uri: str) -> Iterator[None]:
    """Have the files that are logged in the block kept as differences to their predecessors.

    `uri` is the predecessor, a file or a directory: of a directory, each new file has the one whose
    path ends as its own does. It is a hint, which changes nothing of what can be read: a file that
    has no such predecessor, or is no smaller as a difference, is stored as ever.

    Raises:
        MlflowException: there is no such model or run, or its artifacts are in no store of a
            Headwater server.
    """
    token = declared_base.set(_store_path(uri))
    try:
        yield
    finally:
        declared_base.reset(token)


def log_artifact(
    local_path: str,
    artifact_path: str | None = None,
    run_id: str | None = None,
    *,
    base: str | None = None,
) -> None:
    """Log a file or directory as `mlflow.log_artifact` does, as a successor of `base`.

    Raises:
        MlflowException: as `successor_of` and `mlflow.log_artifact` do.
    """
    if base is None:
        mlflow.log_artifact(local_path, artifact_path, run_id)
        return
    with successor_of(base):
        mlflow.log_artifact(local_path, artifact_path, run_id)


def _store_path(uri: str) -> str:
    """Return where the artifacts behind a URI are in the store of their server."""
    located = uri
    if uri.startswith(_MODELS):
        located = _model_location(uri)
    elif uri.startswith(_RUNS):
        located = _run_location(uri)
    repository = get_artifact_repository(located)
    path = None
    if isinstance(repository, FastArtifactsRepository):
        path = ArtifactServer(repository.artifact_uri).path()
    if not path:
        raise MlflowException.invalid_parameter_value(
            f"{uri} is in no artifact store of a Headwater server, and cannot be a predecessor"
        )
    return path


def _model_location(uri: str) -> str:
    """Return the URI of a model's artifacts, or of what is named below it."""
    client = mlflow.MlflowClient()
    first, _, rest = uri.removeprefix(_MODELS).partition("/")
    name, _, alias = first.partition("@")
    if alias:
        version = client.get_model_version_by_alias(name, alias).version
    elif name.startswith("m-") and not rest.partition("/")[0].isdecimal():
        return _joined(client.get_logged_model(name).artifact_location, rest)
    else:
        version, _, rest = rest.partition("/")
        if version == "latest":
            found = client.search_model_versions(f"name = '{name}'")
            version = str(max((int(each.version) for each in found), default=0))
    return _joined(client.get_model_version_download_uri(name, version), rest)


def _run_location(uri: str) -> str:
    """Return the URI of a run's artifacts, or of the model of that name that the run has logged."""
    client = mlflow.MlflowClient()
    run_id, _, rest = uri.removeprefix(_RUNS).strip("/").partition("/")
    run = client.get_run(run_id)
    name, _, below = rest.partition("/")
    for output in run.outputs.model_outputs if run.outputs and name else ():
        model = client.get_logged_model(output.model_id)
        if model.name == name:
            return _joined(model.artifact_location, below)
    return _joined(run.info.artifact_uri, rest)


def _joined(location: str, below: str) -> str:
    """Return the URI of what is below a location; it may itself name a model or a run."""
    joined = f"{location.rstrip('/')}/{PurePosixPath(below)}" if below else location
    if joined.startswith(_MODELS):
        return _model_location(joined)
    return _run_location(joined) if joined.startswith(_RUNS) else joined
