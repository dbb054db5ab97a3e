"""`headwater gc` on what stock MLflow logged: it shows, and removes only when told."""

import json
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.conftest import headwater

with warnings.catch_warnings(action="ignore"):
    from mlflow import MlflowClient

from headwater.mlflow_release import installed_release
from headwater.storage.metadata.prepare import create

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),
]


@dataclass(frozen=True)
class Site:
    """A data directory, and MLflow's client on its database."""

    data_dir: Path
    client: Any
    runs: dict[str, str]
    """Run ids by name."""

    def gc(self, *arguments: str) -> Any:
        return headwater("gc", "--data-dir", str(self.data_dir), *arguments, cwd=self.data_dir)

    def stored(self) -> set[str]:
        with closing(sqlite3.connect(self.data_dir / "mlflow.db")) as connection:
            ids = {run_id for (run_id,) in connection.execute("SELECT run_uuid FROM runs")}
        return {name for name, run_id in self.runs.items() if run_id in ids}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Runs of accuracy 0 to 3; number 3 made a registered model, number 0 is in the trash."""
    database = tmp_path / "data" / "mlflow.db"
    create(database, installed_release(), "mlflow-artifacts:/")
    client = MlflowClient(f"sqlite:///{database}", f"sqlite:///{database}")
    experiment = client.create_experiment("sweep", "mlflow-artifacts:/7")
    runs = {}
    for number in range(4):
        run = client.create_run(experiment, run_name=f"run{number}")
        runs[f"run{number}"] = run.info.run_id
        client.log_metric(run.info.run_id, "acc", number / 4)
        client.set_terminated(run.info.run_id)
        directory = database.parent / "artifacts" / "7" / run.info.run_id / "artifacts"
        directory.mkdir(parents=True)
        (directory / "model.bin").write_bytes(b"x")
    client.create_registered_model("churn")
    client.create_model_version("churn", "runs:/x/model", runs["run3"])
    client.delete_run(runs["run0"])
    yield Site(database.parent, client, runs)
    client._tracking_client.store.engine.dispose()


def artifacts(site: Site) -> set[str]:
    found = {path.parts[-3] for path in site.data_dir.glob("artifacts/7/*/artifacts/model.bin")}
    return {name for name, run_id in site.runs.items() if run_id in found}


def test_shows_and_removes_nothing_unless_told(site: Site) -> None:
    shown = site.gc("--experiment", "sweep")
    assert shown.returncode == 0, shown.stderr
    assert "3 runs of 1 experiments" in shown.stdout
    assert "Kept: 1 registered as churn/1" in shown.stdout
    assert "Nothing was removed" in shown.stdout
    asked = site.gc("--experiment", "sweep", "--remove")
    assert asked.returncode == 1
    assert "Remove 3 runs for good?" in asked.stderr
    assert len(site.stored()) == 4


def test_keeps_the_best_and_removes_the_others_with_their_artifacts(site: Site) -> None:
    rule = ("--keep-best", "1", "--metric", "acc", "--minimize")
    done = site.gc(*rule, "--remove", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert {run["name"] for run in answer["runs"]} == {"run0", "run2"}
    assert set(answer["removed"]) == {site.runs["run0"], site.runs["run2"]}
    assert site.stored() == artifacts(site) == {"run1", "run3"}
    assert "No run would go" in site.gc(*rule, "--remove").stdout


def test_takes_rules_from_a_file(site: Site) -> None:
    rules = site.data_dir / "rules.toml"
    rules.write_text('[[rule]]\nname = "trash"\ndeleted = true\n')
    done = site.gc("--rules", str(rules), "--remove", "--yes")
    assert "Removed 1 of 1 runs." in done.stdout, done.stderr
    assert site.stored() == {"run1", "run2", "run3"}
    rules.write_text("[[rule]]\n")
    wrong = site.gc("--rules", str(rules))
    assert wrong.returncode == 1
    assert "missing required field `name`" in wrong.stderr


def test_trashed_experiments_stay(site: Site) -> None:
    """As opposed to `mlflow gc`, which would remove them along with any run."""
    gone = site.client.create_experiment("gone")
    site.client.delete_experiment(gone)
    assert site.gc("--deleted", "--remove", "--yes").returncode == 0
    assert site.client.get_experiment(gone).lifecycle_stage == "deleted"


def test_artifacts_out_of_bounds_are_left_and_so_is_the_run(site: Site) -> None:
    with closing(sqlite3.connect(site.data_dir / "mlflow.db")) as connection, connection:
        connection.execute(
            "UPDATE runs SET artifact_uri = 'mlflow-artifacts:/7/%2e%2e/../../x'"
            " WHERE run_uuid = ?",
            (site.runs["run0"],),
        )
    done = site.gc("--deleted", "--remove", "--yes")
    assert done.returncode == 1
    assert f"run {site.runs['run0']} stays" in " ".join(done.stderr.split())
    assert len(site.stored()) == 4


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "no rule"),
        (("--older-than", "soon"), "'soon' is no duration"),
        (("--status", "RUNNING"), "--status: 'RUNNING'"),
        (("--keep-best", "3"), "--keep-best and --metric belong together"),
        (("--registered",), "belongs to rules with 'artifacts'"),
    ],
)
def test_what_is_wrong_is_named(site: Site, arguments: tuple[str, ...], text: str) -> None:
    done = site.gc(*arguments)
    assert done.returncode == 1
    assert text in done.stderr
