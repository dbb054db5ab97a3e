"""Uploads or downloads a file by MLflow's own client and prints the seconds: a process of its own.

``python -m benchmarks.artifact_program upload RUN_ID FILE`` or ``… download RUN_ID NAME``; the
server is named by MLFLOW_TRACKING_URI.
"""

import sys
import tempfile
import time
from pathlib import Path

from mlflow import MlflowClient


def main(arguments: list[str]) -> None:
    """Do it once."""
    verb, run_id, name = arguments
    client = MlflowClient()
    client.list_artifacts(run_id)  # imports, connects
    with tempfile.TemporaryDirectory() as directory:
        begun = time.perf_counter()
        if verb == "upload":
            client.log_artifact(run_id, name)
        else:
            client.download_artifacts(run_id, name, directory)
        sys.stdout.write(f"\n{time.perf_counter() - begun}\n")
        if verb == "download" and not (Path(directory) / name).stat().st_size:
            raise RuntimeError("nothing was downloaded")


if __name__ == "__main__":
    main(sys.argv[1:])
