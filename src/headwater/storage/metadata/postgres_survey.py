"""Looks at a PostgreSQL database without changing it, and gives the space of dead rows back."""

import contextlib
from collections.abc import Iterator

from headwater.storage.metadata.postgres_connection import (
    PostgresConnection,
    shown_uri,
    translated_errors,
)
from headwater.storage.metadata.prepare_postgres import connected, read_schema
from headwater.storage.survey import Sizes, Survey

_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

_TOTAL = "SELECT pg_database_size(current_database())"

_TABLE_SIZES = """
SELECT tablename, pg_total_relation_size(format('%I.%I', schemaname, tablename)::regclass)
FROM pg_tables WHERE schemaname = ANY (current_schemas(false))
"""

_GIVE_BACK = "VACUUM (FULL, ANALYZE) metrics"


@contextlib.contextmanager
def surveyed(uri: str) -> Iterator[Survey]:
    """Yield what a database holds, and a snapshot of it to read.

    Raises:
        SchemaError: it cannot be reached.
    """
    with connected(uri) as connection:
        connection.execute(_BEGIN)
        (total,) = connection.execute(_TOTAL).fetchone()
        tables = dict(connection.execute(_TABLE_SIZES).fetchall())
        sizes = Sizes(total, 0, None, tables, None)
        yield Survey(connection, read_schema(connection, shown_uri(uri)), sizes)


def give_back_space(uri: str) -> None:
    """Write MLflow's table of metrics anew, without what was deleted; its users wait meanwhile.

    Raises:
        DatabaseError: the server refused.
    """
    with translated_errors(), contextlib.closing(PostgresConnection(uri)) as connection:
        connection.execute(_GIVE_BACK)
