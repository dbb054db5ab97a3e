"""``python -m headwater.mlflow_plugin.create_database FILE``: MLflow's and Headwater's tables.

The file must be new or empty. It becomes one that holds no experiment, not even the default one,
whose artifact location depends on the server.

Without FILE but with an artifact root: the same on the PostgreSQL database that the environment
names, which gets the default experiment as well.
"""

import os
import sys
from pathlib import Path

import sqlalchemy
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from headwater.mlflow_plugin.uri import sqlalchemy_uri
from headwater.storage.metadata.orphan import exit_with_parent
from headwater.storage.migrations import DATABASE_VARIABLE
from headwater.storage.migrations.upgrade import upgrade, upgrade_file


def create_database(path: Path) -> None:
    """Create all tables that the installed MLflow and Headwater use."""
    # Opening a store is what creates MLflow's tables, the registry's and all others included;
    # `mlflow db upgrade` does not do so on an empty file in every supported release.
    store = SqlAlchemyStore(f"sqlite:///{path}", "mlflow-artifacts:/")
    with store.engine.begin() as connection:
        connection.execute(sqlalchemy.text("DELETE FROM experiments"))
    store.engine.dispose()
    upgrade_file(path)


def fill_server(uri: str, artifact_root: str) -> None:
    """Create all tables, and the default experiment, in an empty PostgreSQL database."""
    store = SqlAlchemyStore(sqlalchemy_uri(uri), artifact_root)
    upgrade(store.engine)
    store.engine.dispose()


if __name__ == "__main__":
    exit_with_parent()
    if DATABASE_VARIABLE in os.environ:
        fill_server(os.environ[DATABASE_VARIABLE], sys.argv[1])
    else:
        create_database(Path(sys.argv[1]).absolute())
