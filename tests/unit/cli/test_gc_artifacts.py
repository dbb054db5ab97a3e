"""`headwater gc --artifacts` on what MLflow's client has logged to a server."""

import json
import uuid
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.server import Server
from tests.unit.cli.conftest import headwater

with warnings.catch_warnings(action="ignore"):
    from mlflow import MlflowClient

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@dataclass(frozen=True)
class Site:
    """A server that has what training logged."""

    server: Server
    experiment: str
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
def site(server: Server, tmp_path: Path) -> Site:
    """Runs of accuracy 0 to 3 with two checkpoints, a note and a model each; 2 is registered."""
    server.wait_for_upstream()
    client, experiment, ids = MlflowClient(server.url), uuid.uuid4().hex, {}
    number = client.create_experiment(experiment)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "MLmodel").write_text("flavors: {}")
    for index in range(4):
        run_id = ids[f"run{index}"] = client.create_run(number, run_name=f"run{index}").info.run_id
        client.log_metric(run_id, "acc", index / 4)
        for step in range(2):
            path = tmp_path / f"{step}.bin"
            path.write_bytes(np.random.default_rng([index, step]).bytes(100_000))
            client.log_artifact(run_id, str(path), "checkpoints")
        client.log_text(run_id, "x", "notes.txt")
        model = client.create_logged_model(number, "weights", source_run_id=run_id)
        ids[f"model{index}"] = model.model_id
        client.log_model_artifacts(model.model_id, str(tmp_path / "model"))
        client.finalize_logged_model(model.model_id, "READY")
        client.set_terminated(run_id)
    client.create_registered_model(experiment)
    # No run is named: only the source says that it is made of run 2.
    model_id = ids["model2"]
    client.create_model_version(experiment, f"models:/{model_id}", model_id=model_id)
    return Site(server, experiment, ids)


def test_artifacts_go_and_runs_stay(site: Site) -> None:
    best = ("--keep-best", "1", "--metric", "acc", "--artifacts", "checkpoints/*")
    shown = site.gc("--experiment", site.experiment, *best, "--remove")
    assert shown.returncode == 1
    assert "Remove 4 artifacts of 2 runs for good?" in shown.stderr
    assert "4 files of 2 runs, 400 kB as users see them" in shown.stdout
    assert "1 among the best of rule 'command line'" in shown.stdout
    assert f"1 registered as {site.experiment}/1" in " ".join(shown.stdout.split())
    everything = {"notes.txt", "checkpoints/0.bin", "checkpoints/1.bin"}
    assert site.artifacts("run0") == everything
    rules = site.server.data_dir / f"{site.experiment}.toml"
    # The second asks for those of registered models explicitly, and names a model as its run does.
    rules.write_text(f"""
[[rule]]
name = "checkpoints"
experiments = ["{site.experiment}"]
artifacts = ["checkpoints/*"]
keep_best = {{ metric = "acc", count = 1 }}

[[rule]]
name = "rest"
experiments = ["{site.experiment}"]
artifacts = ["weights/*", "notes.txt"]
registered = true
""")
    done = site.gc("--rules", str(rules), "--remove", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    sizes = {each["name"]: (len(each["files"]), each["bytes"]) for each in told["artifacts"]}
    assert sizes == {"run0": (4, 200_012), "run1": (4, 200_012), "run2": (2, 12)}
    assert told["artifacts_removed"] == {site.ids[name]: sizes[name][0] for name in sizes}
    assert (told["runs"], told["removed"], told["artifacts_failed"]) == ([], [], {})
    assert site.artifacts("run0") == site.artifacts("run1") == set()
    assert site.artifacts("run2") == everything - {"notes.txt"}
    assert site.artifacts("run3") == everything
    client = MlflowClient(site.server.url)
    assert client.get_run(site.ids["run0"]).data.metrics == {"acc": 0}
    assert client.get_logged_model(site.ids["model0"]).name == "weights"
