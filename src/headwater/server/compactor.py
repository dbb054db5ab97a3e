"""Compacts the runs of this server in the background, in at most half of the time."""

import asyncio
import logging
import time

from headwater.errors import DatabaseError
from headwater.storage.metadata.base import Database
from headwater.storage.metrics.activity import Activity
from headwater.storage.metrics.compact import compact_step, waiting

_logger = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_AFTER_REFUSAL_SECONDS = 30.0
_ENOUGH = 1 << 20
"""Blocks and points that make any run due."""


async def compact_in_background(database: Database, activity: Activity) -> None:
    """Compact what an earlier process left, then what is due, until cancelled."""
    now = time.monotonic()
    for run in await database.read(waiting):
        activity.logged(run.run_id, run.blocks, run.points, now)
    while True:
        run_id = activity.take_due(time.monotonic())
        if run_id is None:
            await asyncio.sleep(_LOOK_SECONDS)
            continue
        try:
            await _compact(database, run_id)
        except DatabaseError as error:
            _logger.warning("compaction of run %s was put off: %s", run_id, error)
            activity.logged(run_id, _ENOUGH, _ENOUGH, time.monotonic())
            await asyncio.sleep(_AFTER_REFUSAL_SECONDS)


async def _compact(database: Database, run_id: str) -> None:
    after, more, left = 0, True, 0
    while more:
        started = time.monotonic()
        step = await compact_step(database, run_id, after)
        after, more, left = step.after, step.more, left + step.result.left_blocks
        await asyncio.sleep(time.monotonic() - started)
    if left:
        _logger.warning("%d metric blocks of run %s cannot be compacted: damaged", left, run_id)
