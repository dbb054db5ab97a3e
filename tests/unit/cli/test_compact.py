import json
from pathlib import Path

import pytest
from tests.unit.cli.conftest import headwater, log

from headwater.storage.metadata.sqlite_connection import connect


@pytest.fixture
def database(database: Path) -> Path:
    """A database with two blocks."""
    log(database, 3)
    return database


def test_says_what_it_did(database: Path) -> None:
    done = headwater("compact", cwd=database.parent.parent)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:6] == ["Compacted", "6", "points", "of", "2", "requests"]


def test_json_is_one_object_and_a_second_time_there_is_nothing_to_do(database: Path) -> None:
    for blocks, points in ((2, 6), (0, 0)):
        done = headwater(
            "compact", "--backend-store-uri", f"sqlite:///{database}", "--json", cwd=database.parent
        )
        assert json.loads(done.stdout) == {
            "database": str(database),
            "blocks": blocks,
            "points": points,
            "left_blocks": 0,
        }


def test_a_damaged_block_is_told_and_the_rest_done(database: Path) -> None:
    connection = connect(database)
    connection.execute("UPDATE headwater_metric_blocks SET payload = x'00' WHERE block_id = 1")
    connection.close()
    done = headwater("compact", "--data-dir", str(database.parent), cwd=database.parent)
    assert done.returncode == 1
    assert "Compacted 3 points of 1 requests" in done.stdout
    assert "1 blocks stay" in done.stderr


def test_a_missing_database_is_one_line(tmp_path: Path) -> None:
    done = headwater("compact", cwd=tmp_path)
    assert done.returncode == 1
    assert "there is no database at" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
