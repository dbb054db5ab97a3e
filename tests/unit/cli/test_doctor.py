import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from tests.server import command

from headwater.mlflow_release import installed_release
from headwater.storage.metadata.prepare import create


def doctor(*arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("doctor", "--backend-store-uri", f"sqlite:///{path}", *arguments),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=path.parent,
    )


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "mlflow.db"
    create(path, installed_release(), "mlflow-artifacts:/")
    return path


def test_nothing_to_do(database: Path) -> None:
    done = doctor(path=database)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{database}\n")
    assert "✓ nothing to do" in done.stdout


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE alembic_version SET version_num = 'future'", "pip install --upgrade mlflow"),
        ("UPDATE alembic_version SET version_num = '451aebb31d03'", "mlflow db upgrade"),
        (
            "UPDATE headwater_alembic_version SET version_num = '9999'",
            "pip install --upgrade headwater",
        ),
    ],
)
def test_a_database_that_cannot_serve_is_a_problem(
    database: Path, statement: str, told: str
) -> None:
    change(database, statement)
    done = doctor(path=database)
    assert done.returncode == 1
    assert told in done.stdout
    (problem,) = json.loads(doctor("--json", path=database).stdout)["findings"]
    assert problem["is_problem"]


def test_blocks_of_a_run_that_wait_are_told_with_the_command(database: Path) -> None:
    change(
        database,
        "INSERT INTO runs (run_uuid, experiment_id, status, lifecycle_stage)"
        " VALUES ('a', 0, 'FINISHED', 'active')",
    )
    for _ in range(40):
        change(
            database,
            "INSERT INTO headwater_metric_blocks (run_uuid, points, payload)"
            " VALUES ('a', 1, zeroblob(100))",
        )
    told = doctor(path=database).stdout
    assert "40 blocks of metric points could be compacted" in told
    assert f"headwater compact --backend-store-uri sqlite:///{database}" in told


@pytest.mark.parametrize(("keys", "steps", "worthwhile"), [(1, 10_000, True), (10_000, 1, False)])
def test_rows_are_to_be_moved_where_that_makes_them_smaller(
    database: Path, keys: int, steps: int, worthwhile: bool
) -> None:
    change(
        database,
        "INSERT INTO runs (run_uuid, experiment_id, status, lifecycle_stage)"
        " VALUES ('a', 0, 'FINISHED', 'active')",
    )
    change(
        database,
        "WITH RECURSIVE key(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM key WHERE k < "
        f"{keys}), step(s) AS (SELECT 1 UNION ALL SELECT s + 1 FROM step WHERE s < {steps}) "
        "INSERT INTO metrics (run_uuid, key, value, timestamp, step, is_nan) "
        "SELECT 'a', 'metric_' || k, random() / 1e18, 1700000000000 + s, s, 0 FROM key, step",
    )
    report = json.loads(doctor("--json", path=database).stdout)
    (finding,) = [one for one in report["findings"] if "metric points are rows" in one["text"]]
    assert (finding["command"] is not None) == worthwhile


@pytest.mark.parametrize("content", [None, b"", b"no database at all" * 100])
def test_what_is_no_database_is_one_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "mlflow.db"
    if content is not None:
        path.write_bytes(content)
    done = doctor(path=path)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert str(path) in done.stderr


def test_a_database_of_something_else_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    change(path, "CREATE TABLE notes (text)")
    assert "is not an MLflow database" in doctor(path=path).stderr
