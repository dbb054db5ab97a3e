"""`headwater gc --artifacts` on what MLflow's client has logged to a server."""

import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.server import Server, environment, running
from tests.unit.cli.conftest import headwater

with warnings.catch_warnings(action="ignore"):
    from mlflow import MlflowClient

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

TRAINING = """
import json, pathlib
import mlflow, numpy
from mlflow.models import Model
mlflow.set_experiment("sweep")
client, runs = mlflow.MlflowClient(), {}
for number in range(4):
    with mlflow.start_run(run_name=f"run{number}") as run:
        runs[f"run{number}"] = run.info.run_id
        mlflow.log_metric("acc", number / 4)
        for step in range(2):
            path = pathlib.Path(f"{step}.bin")
            path.write_bytes(numpy.random.default_rng([number, step]).bytes(400_000))
            mlflow.log_artifact(str(path), "checkpoints")
        mlflow.log_text("x", "notes.txt")
        model = mlflow.initialize_logged_model(name="weights", source_run_id=run.info.run_id)
        pathlib.Path("MLmodel").write_text("flavors: {}")
        client.log_model_artifact(model.model_id, "MLmodel")
        mlflow.finalize_logged_model(model.model_id, "READY")
        runs[f"model{number}"] = model.model_id
client.create_registered_model("churn")
# No run is named: only the source says that it is made of run 2.
model_id = runs["model2"]
client.create_model_version("churn", f"models:/{model_id}", model_id=model_id)
print(json.dumps(runs))
"""


@dataclass(frozen=True)
class Site:
    """A server that has what training logged."""

    server: Server
    ids: dict[str, str]

    def gc(self, *arguments: str) -> Any:
        data_dir = str(self.server.data_dir)
        return headwater("gc", "--data-dir", data_dir, *arguments, cwd=self.server.data_dir)

    def artifacts(self, name: str) -> set[str]:
        client = MlflowClient(self.server.url)
        listed = client.list_artifacts(self.ids[name])
        below = client.list_artifacts(self.ids[name], "checkpoints")
        return {each.path for each in (*listed, *below) if not each.is_dir}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with running(tmp_path / "server") as server:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", TRAINING],
            cwd=tmp_path,
            env=environment(MLFLOW_TRACKING_URI=server.url, MLFLOW_DISABLE_TELEMETRY="true"),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        yield Site(server, json.loads(done.stdout.splitlines()[-1]))


def test_artifacts_go_and_runs_stay(site: Site) -> None:
    rule = ("--keep-best", "1", "--metric", "acc", "--artifacts", "checkpoints/*")
    shown = site.gc(*rule)
    assert shown.returncode == 0, shown.stderr
    assert "4 files of 2 runs, 1.6 MB as users see them" in shown.stdout
    assert "1 among the best of rule 'command line'; 1 registered as churn/1" in shown.stdout
    assert "Nothing was removed" in shown.stdout
    everything = {"notes.txt", "checkpoints/0.bin", "checkpoints/1.bin"}
    assert site.artifacts("run0") == everything
    done = site.gc(*rule, "--remove", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {each["name"]: each["bytes"] for each in told["artifacts"]} == {
        "run0": 800_000,
        "run1": 800_000,
    }
    assert told["artifacts_removed"] == {site.ids["run0"]: 2, site.ids["run1"]: 2}
    assert (told["runs"], told["removed"], told["artifacts_failed"]) == ([], [], {})
    assert site.artifacts("run0") == site.artifacts("run1") == {"notes.txt"}
    assert site.artifacts("run2") == site.artifacts("run3") == everything
    assert MlflowClient(site.server.url).get_run(site.ids["run0"]).data.metrics == {"acc": 0}
    # Asked for explicitly, and of models as well, by the name under which the run lists them.
    asked = ("--artifacts", "weights/*", "--artifacts", "notes.txt", "--registered")
    removed = site.gc(*asked, "--remove", "--yes")
    assert "Removed 8 of 8 files." in removed.stdout, removed.stderr
    assert site.artifacts("run2") == everything - {"notes.txt"}
    assert "No artifact would go." in site.gc(*asked, "--remove").stdout
