import json
from pathlib import Path

from tests.unit.cli.conftest import RUN_ID, headwater, log


def test_asks_and_says_what_it_did(database: Path) -> None:
    log(database, 3)
    where = database.parent.parent
    asked = headwater("rewind", RUN_ID, "--after-step", "1", cwd=where)
    assert asked.returncode == 1
    assert "Delete the points of every metric" in asked.stderr
    done = headwater("rewind", RUN_ID, "--after-step", "1", "--yes", cwd=where)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "loss: deleted 4 points, ends at 1\n"
    again = headwater("rewind", RUN_ID, "--after-step", "1", "-y", cwd=where)
    assert again.stdout == f"Run {RUN_ID} had no such points.\n"


def test_json_is_one_object(database: Path) -> None:
    store = ("--backend-store-uri", f"sqlite:///{database}")
    wanted = ("--after-step", "0", "--metric", "loss", "--metric", "check", "--yes", "--json")
    done = headwater("rewind", RUN_ID, *store, *wanted, cwd=database.parent)
    assert json.loads(done.stdout) == {
        "run_id": RUN_ID,
        "metrics": [{"key": "loss", "deleted": 2, "last_step": 0}],
    }


def test_deletes_metrics(database: Path) -> None:
    where = database.parent.parent
    done = headwater("delete-metrics", RUN_ID, "loss", "--yes", cwd=where)
    assert done.stdout == "loss: deleted 3 points, nothing is left\n", done.stderr


def test_an_unknown_run_is_one_line(database: Path) -> None:
    where = database.parent.parent
    done = headwater("rewind", "f" * 32, "--after-step", "0", "--yes", cwd=where)
    assert done.returncode == 1
    assert done.stderr == f"headwater: error: Run with id={'f' * 32} not found\n"
