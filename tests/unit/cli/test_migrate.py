import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.postgres import Postgres
from tests.server import command

from headwater.mlflow_release import installed_release
from headwater.storage.metadata.postgres_connection import PostgresConnection
from headwater.storage.metadata.prepare import create

RUN_ID = "a" * 32


def headwater(*arguments: str, uri: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments, "--backend-store-uri", uri),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=cwd,
    )


@pytest.fixture
def on_postgres(postgres: Postgres, postgres_template: str) -> Iterator[str]:
    """The URI of a PostgreSQL database with 300 rows of one metric."""
    uri = postgres.create(template=postgres_template)
    connection = PostgresConnection(uri)
    connection.execute(
        "INSERT INTO runs (run_uuid, experiment_id, status, lifecycle_stage, start_time)"
        " VALUES (?, 0, 'RUNNING', 'active', 1)",
        (RUN_ID,),
    )
    for step in range(300):
        row = (RUN_ID, "loss", step, 1_000 + step, step / 7, False)
        for table in ("metrics", "latest_metrics"):
            connection.execute(
                f"INSERT INTO {table} (run_uuid, key, step, timestamp, value, is_nan)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                row,
            )
    connection.execute("UPDATE latest_metrics SET step = 299, timestamp = 1299, value = 299 / 7.0")
    connection.close()
    yield uri
    postgres.drop(uri)


def test_postgresql_is_examined_migrated_and_given_back(on_postgres: str, tmp_path: Path) -> None:
    def report() -> dict[str, object]:
        done = headwater("doctor", "--json", uri=on_postgres, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found["sizes"]["tables"]["metrics"] > 0
        assert found["sizes"]["journal"] is None
        return {"rows": found["rows"]["metrics"], "points": found["stored"]["chunk_points"]}

    assert report() == {"rows": 300, "points": 0}
    done = headwater("migrate", "--verify", "--vacuum", "--json", uri=on_postgres, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["points"], result["left_rows"], result["differing"]) == (300, 0, [])
    assert report() == {"rows": 0, "points": 300}
    assert headwater("check", uri=on_postgres, cwd=tmp_path).returncode == 0
    assert headwater("export-metrics", uri=on_postgres, cwd=tmp_path).returncode == 0
    assert report() == {"rows": 300, "points": 0}


def test_postgresql_has_no_offline_mode(on_postgres: str, tmp_path: Path) -> None:
    done = headwater("migrate", "--offline", uri=on_postgres, cwd=tmp_path)
    assert done.returncode == 1
    assert "--offline is for SQLite databases" in done.stderr


@pytest.mark.parametrize("option", [["--verify"], ["--rate", "1000"]])
def test_options_that_exclude_each_other_are_named(tmp_path: Path, option: list[str]) -> None:
    path = tmp_path / "mlflow.db"
    create(path, installed_release(), "mlflow-artifacts:/")
    done = headwater("migrate", "--offline", *option, uri=f"sqlite:///{path}", cwd=tmp_path)
    assert done.returncode == 1
    assert "--offline goes with neither --verify nor --rate" in done.stderr


@pytest.mark.parametrize("arguments", [[], ["--plan"], ["--offline"]])
def test_a_missing_database_is_one_line(tmp_path: Path, arguments: list[str]) -> None:
    path = tmp_path / "mlflow.db"
    done = headwater("migrate", *arguments, uri=f"sqlite:///{path}", cwd=tmp_path)
    assert done.returncode == 1
    assert f"there is no database at {path}" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not path.exists()
