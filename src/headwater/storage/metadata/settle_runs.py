"""Put the latest values of runs that have come to rest into the order that searches walk along."""

from headwater.storage.metadata.base import Connection

_AT_REST = """
SELECT u.run_uuid FROM headwater_unsettled_runs AS u
LEFT JOIN runs AS r ON r.run_uuid = u.run_uuid
WHERE r.status IS NULL OR r.status NOT IN ('RUNNING', 'SCHEDULED') OR u.since < ?
LIMIT ?
"""
_ADD = """
INSERT INTO headwater_metric_order ("key", is_nan, value, run_uuid)
SELECT "key", is_nan, value, run_uuid FROM latest_metrics WHERE run_uuid IN ({})
ON CONFLICT DO NOTHING
"""
_FORGET = "DELETE FROM headwater_unsettled_runs WHERE run_uuid IN ({})"

RUNS_AT_ONCE = 50
"""So many keep other writes waiting for some milliseconds."""


def settle_runs(connection: Connection, before: int) -> int:
    """Settle some runs, in a write transaction, and return how many.

    Those that have ended, and those that have been unsettled since before a time in seconds since
    1970: these may go on, and become unsettled again.
    """
    run_ids = [row[0] for row in connection.execute(_AT_REST, (before, RUNS_AT_ONCE))]
    if run_ids:
        marks = ", ".join("?" * len(run_ids))
        # Before the values are read: what another writer changes from here on marks its run anew.
        connection.execute(_FORGET.format(marks), run_ids)
        connection.execute(_ADD.format(marks), run_ids)
    return len(run_ids)
