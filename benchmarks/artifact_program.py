"""Uploads or downloads files and prints the seconds: a process of its own.

``python -m benchmarks.artifact_program upload RUN_ID FILE ...``, or ``download RUN_ID NAME ...``;
the server is named by MLFLOW_TRACKING_URI. By MLflow's own client, unless ARTIFACT_CLIENT is fast.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from mlflow import MlflowClient
from mlflow.store.artifact.artifact_repository_registry import _artifact_repository_registry
from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository


def main(arguments: list[str]) -> None:
    """Do it once."""
    verb, run_id, *names = arguments
    if os.environ.get("ARTIFACT_CLIENT") != "fast":
        # Headwater is installed beside MLflow here, and would take its own way to its own server.
        _artifact_repository_registry.register("mlflow-artifacts", MlflowArtifactsRepository)
    client = MlflowClient()
    client.list_artifacts(run_id)  # imports, connects
    with tempfile.TemporaryDirectory() as directory:
        begun = time.perf_counter()
        for name in names:
            if verb == "upload":
                client.log_artifact(run_id, name)
            else:
                client.download_artifacts(run_id, name, directory)
        sys.stdout.write(f"\n{time.perf_counter() - begun}\n")
        for name in names if verb == "download" else ():
            if not (Path(directory) / name).stat().st_size:
                raise RuntimeError("nothing was downloaded")


if __name__ == "__main__":
    main(sys.argv[1:])
