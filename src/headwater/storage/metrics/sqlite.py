"""The metric engine on SQLite."""

from headwater.storage.metrics.sql import SqlMetricEngine


class SqliteMetricEngine(SqlMetricEngine):
    """See `MetricEngine` for the guarantees."""
