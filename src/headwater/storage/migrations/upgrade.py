"""Brings Headwater's own tables to the newest revision."""

from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import Engine

from headwater.storage.migrations.search_indexes import (
    POSTGRES_OBJECTS,
    SQLITE_OBJECTS,
    creation,
    missing,
)

_ENVIRONMENT = Path(__file__).parent
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('headwater migrate', 0))"


def upgrade(engine: Engine) -> None:
    """Run the missing revisions in one transaction: all of them take effect, or none.

    Several processes may call it at once; the later ones find nothing left to do. MLflow's tables
    must exist; they get indexes, and the ones that a migration of MLflow's lost get them again.
    """
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            # The driver would begin at the first INSERT only, after the tables are created, and
            # another process could read the same old revision meanwhile.
            connection.exec_driver_sql("PRAGMA busy_timeout = 20000")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql(_LOCK)
        command.upgrade(_configuration(connection), "head")
        _restore_indexes(connection)
        connection.commit()


def _restore_indexes(connection: sqlalchemy.Connection) -> None:
    statement = SQLITE_OBJECTS if connection.dialect.name == "sqlite" else POSTGRES_OBJECTS
    found = [(name, sql) for name, sql in connection.exec_driver_sql(statement)]
    for each in creation(missing(found), connection.dialect.name):
        connection.exec_driver_sql(each)


def upgrade_file(path: Path) -> None:
    """Run the missing revisions on a SQLite file that holds MLflow's tables."""
    url = sqlalchemy.URL.create("sqlite", database=str(path))
    _upgrade_and_dispose(sqlalchemy.create_engine(url))


def upgrade_server(uri: str) -> None:
    """Run the missing revisions on a PostgreSQL database that holds MLflow's tables."""
    url = sqlalchemy.make_url(uri).set(drivername="postgresql+psycopg")
    _upgrade_and_dispose(sqlalchemy.create_engine(url))


def _upgrade_and_dispose(engine: Engine) -> None:
    try:
        upgrade(engine)
    finally:
        engine.dispose()


def _configuration(connection: sqlalchemy.Connection) -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(_ENVIRONMENT).replace("%", "%%"))
    configuration.attributes["connection"] = connection
    return configuration
