"""A limit as its users meet it: set on the command line, told by MLflow's own client."""

import subprocess
import sys
import uuid
from pathlib import Path

from tests.server import Server, environment
from tests.unit.cli.command import Command

CLIENT = """
import pathlib, sys
import mlflow, numpy
from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository
mlflow.set_experiment(sys.argv[1])
with mlflow.start_run() as run:
    mlflow.log_text("small", "notes.txt")
    path = pathlib.Path("large.bin")
    path.write_bytes(numpy.random.default_rng(0).bytes(1_500_000))
    for log in (
        MlflowArtifactsRepository(run.info.artifact_uri).log_artifact,  # as of MLflow alone
        mlflow.log_artifact,  # with Headwater beside it
    ):
        try:
            log(str(path))
        except Exception as error:
            print("refused", error)
        else:
            print("stored")
"""


def test_the_client_is_told_of_a_limit_at_once(
    server: Server, on_server: Command, tmp_path: Path
) -> None:
    project, name = uuid.uuid4().hex, uuid.uuid4().hex
    number = on_server("experiments", "create", name, "-p", f"{project}/vision").lines[0]
    assert on_server("projects", "quota", project, "1MB").lines[1].split() == [
        *(project, "1", "MB", "0", "bytes", "0")
    ]
    [limit] = on_server("experiments", "quota", name, "2MB", "--json").json["quotas"]
    assert (limit["experiment_id"], limit["project"]) == (number, f"{project}/vision")
    assert (limit["limit"], limit["used"]) == (2_000_000, 0)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CLIENT, name],
        cwd=tmp_path,
        env=environment(MLFLOW_TRACKING_URI=server.url, MLFLOW_DISABLE_TELEMETRY="true"),
        capture_output=True,
        text=True,
        timeout=60,  # a client that tries again takes minutes
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = [line for line in done.stdout.splitlines() if line.startswith("refused")]
    assert len(told) == 2, done.stdout
    for line in told:
        assert "413" in line
        assert f"The artifacts of project '{project}' have reached their limit: 1 MB" in line
        assert f"headwater projects quota '{project}' SIZE" in line
    used = {
        each["experiment_id"]: each["used"]
        for each in on_server("projects", "quota", project, "--json").json["quotas"]
    }
    assert used == {None: 5, number: 5}
    assert on_server("projects", "quota", project, "none").lines[1].startswith("experiment")
    assert on_server("experiments", "quota", name, "none").err == "No limits.\n"
    refused = on_server("projects", "quota", project, "much")
    assert (refused.status, "'much' is no size" in refused.err) == (1, True)
