import json
import subprocess
from pathlib import Path

import numpy as np
from tests.unit.cli import conftest
from tests.unit.cli.conftest import RUN_ID

from headwater.storage.artifacts.overlay import open_directory
from headwater.storage.artifacts.references import read_references
from headwater.storage.metadata.sqlite_connection import connect

NOISE = np.random.default_rng(0).bytes(500_000)


def headwater(*arguments: str, database: Path) -> subprocess.CompletedProcess[str]:
    return conftest.headwater(
        "check", "--backend-store-uri", f"sqlite:///{database}", *arguments, cwd=database.parent
    )


def change(database: Path, statement: str) -> None:
    connection = connect(database)
    connection.execute(statement)
    connection.close()


def test_nothing_is_wrong(database: Path) -> None:
    done = headwater(database=database)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"Checked 1 runs in {database}: 0 problems, 0 left.\n"


def test_a_problem_is_told_then_repaired(database: Path) -> None:
    change(database, "DELETE FROM latest_metrics")
    told = headwater(database=database)
    assert told.returncode == 1
    assert f"run {RUN_ID}, metric 'loss': MLflow's latest metrics lack" in told.stdout
    assert "--repair" in told.stdout
    repaired = headwater("--repair", "--json", database=database)
    assert repaired.returncode == 0, repaired.stderr
    assert json.loads(repaired.stdout) == {
        "database": str(database),
        "runs": 1,
        "problems": [
            {
                "run_id": RUN_ID,
                "key": "loss",
                "problem": "MLflow's latest metrics lack the latest point",
                "repairable": True,
                "repaired": True,
            }
        ],
    }
    assert headwater(database=database).returncode == 0


def test_damaged_bytes_stay_a_problem(database: Path) -> None:
    change(database, "UPDATE headwater_metric_blocks SET payload = x'0011223344'")
    done = headwater("--repair", database=database)
    assert done.returncode == 1
    assert f"run {RUN_ID}: block 1: a metric block fails its checksum" in done.stdout
    assert "1 problems, 1 left" in done.stdout


def test_artifacts_are_checked_with_the_rest(database: Path) -> None:
    root = database.parent / "artifacts"
    without = headwater("--artifacts", database=database)
    assert without.returncode == 1
    assert "--artifacts-destination headwater-cas+file:///path" in without.stderr
    artifacts = open_directory(root)
    for name, content in (("model", NOISE), ("other", NOISE[::-1])):
        writer = artifacts.create(f"0/run/{name}")
        writer.write(content)
        writer.publish()
    artifacts.delete("0/run/other")
    destination = ("--artifacts", "--artifacts-destination", f"headwater-cas+file://{root}")
    whole = headwater(*destination, "--json", database=database)
    assert whole.returncode == 0, whole.stderr
    found = json.loads(whole.stdout)
    assert found["problems"] == []
    assert found["artifacts"]["files"] == 1
    assert found["artifacts"]["orphaned"] == 1
    assert found["artifacts"]["missing"] == found["artifacts"]["damaged"] == []
    needed = read_references(artifacts.store.objects).packs
    for each in list(artifacts.store.objects.list("packs")):
        if each.name.rpartition("/")[2] in needed:
            artifacts.store.objects.delete(each.name)
    artifacts.close()
    lost = headwater(*destination, database=database)
    assert lost.returncode == 1
    assert "0/run/model: the pack" in lost.stdout
    [pack] = needed
    assert f"pack {pack} is missing" in lost.stdout
    assert "1 pack of" in lost.stdout
    assert "1 file, 1 damaged" in lost.stdout
