import gzip
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from alembic.config import Config
from alembic.script import ScriptDirectory

from headwater.storage import migrations
from headwater.storage.migrations import HEAD_REVISION, REVISIONS, VERSION_TABLE
from headwater.storage.migrations.upgrade import upgrade_file

OLD_DATABASE = Path(__file__).parents[1] / "data" / "mlflow-3.12.0.db.gz"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "mlflow.db"
    path.write_bytes(gzip.decompress(OLD_DATABASE.read_bytes()))
    return path


def rows(path: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def test_constants_name_the_revisions_there_are() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [HEAD_REVISION]
    assert tuple(reversed([found.revision for found in script.walk_revisions()])) == REVISIONS


def test_creates_the_table_of_blocks(path: Path) -> None:
    upgrade_file(path)
    columns = rows(path, "PRAGMA table_info(headwater_metric_blocks)")
    assert [
        (name, kind, bool(required), bool(key)) for _, name, kind, required, _, key in columns
    ] == [
        ("block_id", "INTEGER", True, True),
        ("run_uuid", "VARCHAR(32)", True, False),
        ("points", "INTEGER", True, False),
        ("payload", "BLOB", True, False),
    ]
    [(_, _, table, *columns, _, on_delete, _)] = rows(
        path, "PRAGMA foreign_key_list(headwater_metric_blocks)"
    )
    assert (table, columns, on_delete) == ("runs", ["run_uuid", "run_uuid"], "CASCADE")
    assert rows(path, "PRAGMA index_info(headwater_metric_blocks_run)") == [(0, 1, "run_uuid")]


def test_changes_nothing_of_mlflows(path: Path) -> None:
    schema = "SELECT name, sql FROM sqlite_master WHERE name || tbl_name NOT LIKE '%headwater%'"
    revision = "SELECT * FROM alembic_version"
    before = rows(path, schema), rows(path, revision)
    upgrade_file(path)
    assert (rows(path, schema), rows(path, revision)) == before


def test_runs_once(path: Path) -> None:
    for _ in range(2):
        upgrade_file(path)
        assert rows(path, f"SELECT * FROM {VERSION_TABLE}") == [(HEAD_REVISION,)]


def test_fails_as_a_whole(path: Path) -> None:
    """A table in the way makes the revision fail; not even the version table stays."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE other (x)")
        connection.execute("CREATE INDEX headwater_metric_blocks_run ON other (x)")
    with pytest.raises(sqlalchemy.exc.OperationalError):
        upgrade_file(path)
    assert (
        rows(path, "SELECT name FROM sqlite_master WHERE type='table' AND name LIKE 'head%'") == []
    )


def test_waits_for_a_writer(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.5, lambda: other.execute("ROLLBACK"))
        timer.start()
        upgrade_file(path)
        timer.join()
    assert rows(path, f"SELECT * FROM {VERSION_TABLE}") == [(HEAD_REVISION,)]


def test_makes_lost_indexes_and_triggers_anew(path: Path) -> None:
    """A migration that rebuilds a table loses them, and nothing marks what is logged."""
    upgrade_file(path)
    made = "SELECT name, sql FROM sqlite_master WHERE name LIKE 'headwater%' ORDER BY name"
    order = "SELECT * FROM headwater_metric_order"
    before = rows(path, made), rows(path, order)
    assert len(before[1]) == len(rows(path, "SELECT * FROM latest_metrics")) > 0
    with closing(sqlite3.connect(path)) as connection, connection:
        (statement,) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'latest_metrics'"
        ).fetchone()
        connection.execute("ALTER TABLE latest_metrics RENAME TO old")
        connection.execute(statement)
        connection.execute("INSERT INTO latest_metrics SELECT * FROM old")
        connection.execute("DROP TABLE old")
        connection.execute("DROP INDEX headwater_params_by_value")
        connection.execute("UPDATE latest_metrics SET value = 99.5, is_nan = 0")
    upgrade_file(path)
    assert rows(path, made) == before[0]
    assert {value for _, _, value, _ in rows(path, order)} == {99.5}
