"""Ids for new runs."""

import uuid

_SECONDS_PER_STRETCH_LOG2 = 12  # 4,096 s: a little over an hour


def new_run_id(milliseconds: int) -> str:
    """Return a random id as MLflow makes them, a UUID 4 in hexadecimal, for a run created now.

    The first of its 16 bytes is not random: it counts stretches of 4,096 seconds. MLflow's tables
    have primary keys (key, run id), so that every key that a run logs costs a write to one index
    page; the runs of an hour then share those pages (docs/decisions/0006-run-ids.md).
    """
    stretch = (milliseconds // 1_000 >> _SECONDS_PER_STRETCH_LOG2) & 0xFF
    return f"{stretch:02x}{uuid.uuid4().hex[2:]}"
