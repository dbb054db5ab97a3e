"""Headwater's own tables, as alembic revisions that keep to themselves beside MLflow's.

This module is importable without alembic: the front must tell what a database needs without
paying for the import.
"""

VERSION_TABLE = "headwater_alembic_version"
"""Where alembic notes which revision the database has; MLflow's note is ``alembic_version``."""

DATABASE_VARIABLE = "HEADWATER_MIGRATED_DATABASE"
"""Where helper processes find a URI that may hold a password."""

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010")
"""Every revision this installation knows, oldest first."""

HEAD_REVISION = REVISIONS[-1]
