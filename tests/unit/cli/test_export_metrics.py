import json
import subprocess
from pathlib import Path

import pytest
from tests.unit.cli import conftest

from headwater.storage.metadata.inspect import OWN_TABLES
from headwater.storage.metadata.sqlite_connection import connect


def headwater(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return conftest.headwater("export-metrics", *arguments, cwd=cwd)


@pytest.fixture
def data_dir(database: Path) -> Path:
    return database.parent


def test_says_what_it_did(data_dir: Path) -> None:
    done = headwater(cwd=data_dir.parent)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:6] == ["Exported", "3", "points", "of", "1", "requests"]
    again = headwater("--data-dir", str(data_dir), cwd=data_dir)
    assert again.stdout.split()[:6] == ["Exported", "0", "points", "of", "0", "requests"]


def test_json_is_one_object(data_dir: Path) -> None:
    store = f"sqlite:///{data_dir}/mlflow.db"
    expected = {"database": str(data_dir / "mlflow.db"), "blocks": 1, "points": 3}
    for _ in range(2):
        done = headwater("--backend-store-uri", store, "--json", "--keep", cwd=data_dir)
        assert json.loads(done.stdout) == expected, done.stderr


def test_missing_database_is_one_line(tmp_path: Path) -> None:
    done = headwater(cwd=tmp_path)
    assert done.returncode == 1
    assert "there is no database at" in done.stderr
    assert "--backend-store-uri" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_the_first_release_is_exported_too(data_dir: Path) -> None:
    connection = connect(data_dir / "mlflow.db")
    for table in OWN_TABLES:
        if table != "headwater_metric_blocks":
            connection.execute(f"DROP TABLE {table}")
    connection.execute("UPDATE headwater_alembic_version SET version_num = '0001'")
    connection.close()
    done = headwater("--data-dir", str(data_dir), cwd=data_dir)
    assert done.stdout.split()[:6] == ["Exported", "3", "points", "of", "1", "requests"]
