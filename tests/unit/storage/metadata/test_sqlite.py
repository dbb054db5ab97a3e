"""Whether SQLite waits for the disk."""

from pathlib import Path

import pytest

from headwater.mlflow_release import installed_release
from headwater.storage.metadata.prepare import create
from headwater.storage.metadata.sqlite import SqliteDatabase

NORMAL, FULL = 1, 2


@pytest.mark.parametrize(("relaxed", "synchronous"), [(False, FULL), (True, NORMAL)])
async def test_commits_are_synced_unless_relaxed(
    tmp_path: Path, relaxed: bool, synchronous: int
) -> None:
    path = tmp_path / "mlflow.db"
    create(path, installed_release(), "mlflow-artifacts:/")
    database = SqliteDatabase(path, relaxed=relaxed)
    pragmas = await database.write(
        lambda c: [
            c.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")
        ]
    )
    assert pragmas == [synchronous, "wal"]
    database.close()
