"""The metric engine on PostgreSQL: the latest points of a request travel as arrays."""

from headwater.storage.metadata.base import Connection
from headwater.storage.metrics.latest import INSERT, WHERE_LATER, LatestPoints
from headwater.storage.metrics.sql import SqlMetricEngine

_UPSERT_LATEST = f"""
{INSERT}
SELECT ?, * FROM unnest(?::text[], ?::bigint[], ?::bigint[], ?::float8[], ?::boolean[])
{WHERE_LATER}
"""  # noqa: S608  # constants


class PostgresMetricEngine(SqlMetricEngine):
    """See `MetricEngine` for the guarantees."""

    def _update_latest(self, connection: Connection, run_id: str, latest: LatestPoints) -> None:
        connection.execute(_UPSERT_LATEST, (run_id, *latest.columns))
