"""Statements on MLflow's ``assessments`` table."""

from headwater.storage.metadata.base import Connection


def exist(connection: Connection) -> bool:
    """Tell whether any trace was ever assessed."""
    return connection.execute("SELECT 1 FROM assessments LIMIT 1").fetchone() is not None
