import dataclasses
import gzip
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from headwater.errors import SchemaError
from headwater.mlflow_release import MlflowRelease, installed_release
from headwater.storage.metadata.inspect import SchemaState, inspect
from headwater.storage.metadata.prepare import create
from headwater.storage.migrations import VERSION_TABLE

OLD_DATABASE = Path(__file__).parents[1] / "data" / "mlflow-3.12.0.db.gz"
RELEASE = installed_release()


@pytest.fixture
def current(tmp_path: Path) -> Path:
    path = tmp_path / "mlflow.db"
    create(path, RELEASE, "mlflow-artifacts:/")
    return path


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def refusal(path: Path, release: MlflowRelease = RELEASE) -> str:
    """The message of the error, which must be one line."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(SchemaError) as caught:
        inspect(path, release)
    assert before is None or path.read_bytes() == before
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_missing_file_is_empty(tmp_path: Path) -> None:
    assert inspect(tmp_path / "missing" / "mlflow.db", RELEASE) is SchemaState.EMPTY


@pytest.mark.parametrize("make", [Path.touch, lambda path: execute(path, "PRAGMA user_version=1")])
def test_file_without_tables_is_empty(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "mlflow.db")
    assert inspect(tmp_path / "mlflow.db", RELEASE) is SchemaState.EMPTY


def test_new_database_is_current(current: Path) -> None:
    assert inspect(current, RELEASE) is SchemaState.CURRENT


def test_odd_file_names_are_names(tmp_path: Path) -> None:
    path = tmp_path / "100% new?mode=ro#[x].db"
    create(path, RELEASE, "mlflow-artifacts:/")
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
    assert inspect(path, RELEASE) is SchemaState.CURRENT


def test_mlflow_database_needs_our_tables(current: Path) -> None:
    execute(current, "DROP TABLE headwater_metric_blocks", f"DROP TABLE {VERSION_TABLE}")
    assert inspect(current, RELEASE) is SchemaState.NEEDS_MIGRATION


def test_older_mlflow_schema_tells_how_to_upgrade(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.write_bytes(gzip.decompress(OLD_DATABASE.read_bytes()))
    newer = dataclasses.replace(
        RELEASE,
        head_revision="f" * 12,
        known_revisions=RELEASE.known_revisions | {"f" * 12},
    )
    message = refusal(path, newer)
    assert f"mlflow db upgrade sqlite:///{path}" in message
    assert "back the database up" in message


def test_half_made_mlflow_schema_tells_how_to_upgrade(current: Path) -> None:
    execute(current, "DELETE FROM alembic_version")
    assert "mlflow db upgrade" in refusal(current)


def test_newer_mlflow_schema_tells_to_upgrade_mlflow(current: Path) -> None:
    execute(current, "UPDATE alembic_version SET version_num = 'ffffffffffff'")
    message = refusal(current)
    assert "ffffffffffff" in message
    assert "pip install --upgrade mlflow" in message


def test_newer_schema_of_ours_tells_to_upgrade_headwater(current: Path) -> None:
    execute(current, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    assert "pip install --upgrade headwater" in refusal(current)


def test_lost_table_is_noticed(current: Path) -> None:
    execute(current, "DROP TABLE headwater_metric_blocks")
    assert "headwater_metric_blocks" in refusal(current)


def test_database_of_another_program_is_refused(tmp_path: Path) -> None:
    execute(tmp_path / "other.db", "CREATE TABLE bookmarks (url TEXT)")
    assert "not an MLflow database" in refusal(tmp_path / "other.db")


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.write_text("experiments: []\n" * 100)
    assert "file is not a database" in refusal(path)


def test_truncated_database_is_refused(current: Path) -> None:
    current.write_bytes(current.read_bytes()[:5000])
    assert "malformed" in refusal(current)


def test_file_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mlruns" / "0").mkdir(parents=True)
    assert "mlflow migrate-filestore" in refusal(tmp_path / "mlruns")


def test_needs_neither_mlflow_nor_alembic() -> None:
    program = (
        "import sys, headwater.storage.metadata.prepare\n"
        "assert not {'mlflow', 'alembic', 'sqlalchemy', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
