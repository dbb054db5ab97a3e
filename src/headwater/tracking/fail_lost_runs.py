"""Mark runs as failed of whose processes nothing was heard for as long as they had said."""

from headwater.storage.metadata import heartbeats, runs
from headwater.storage.metadata.base import Connection
from headwater.tracking.fail_runs import fail_run

RUNS_AT_ONCE = 50
"""So many keep other writes waiting for some milliseconds."""


def fail_lost_runs(connection: Connection, now: int, listening: int) -> int:
    """Mark some lost runs as failed, and return how many were looked at.

    `now` is in milliseconds since the epoch; `listening` says for how many milliseconds this server
    has been there to hear: what it could not have heard is held against nobody. A run ends when it
    was heard last.
    """
    run_ids = heartbeats.silent(connection, now, listening, RUNS_AT_ONCE)
    for run_id in run_ids:
        runs.locked_status(connection, run_id)  # the order in which all writers lock
        seen = heartbeats.seen_at(connection, run_id)
        if seen is not None and heartbeats.forget_if_silent(connection, run_id, now, listening):
            seconds = (now - seen) // 1000
            reason = f"lost contact: nothing was heard of its process for {seconds} seconds"
            fail_run(connection, run_id, reason, seen)
    return len(run_ids)
