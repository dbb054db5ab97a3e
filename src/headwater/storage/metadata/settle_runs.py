"""Put the latest values of runs that have come to rest into the order that searches walk along."""

from headwater.storage.metadata.base import LOCK_FREE_ROWS, Connection

# A run that somebody is writing to is left for later; who writes from here on waits, see the
# trigger, and marks the run anew.
_AT_REST = f"""
SELECT u.run_uuid FROM headwater_unsettled_runs AS u
WHERE u.since < ? OR NOT EXISTS (
  SELECT 1 FROM runs AS r WHERE r.run_uuid = u.run_uuid AND r.status IN ('RUNNING', 'SCHEDULED')
)
ORDER BY u.run_uuid LIMIT ? {LOCK_FREE_ROWS}
"""  # noqa: S608  # a constant
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
        connection.execute(_FORGET.format(marks), run_ids)
        connection.execute(_ADD.format(marks), run_ids)
    return len(run_ids)
