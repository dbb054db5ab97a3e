"""Looks in the background for runs of which nothing is heard any more."""

import asyncio
import logging
import time

from headwater.errors import DatabaseError
from headwater.storage.metadata import heartbeats
from headwater.storage.metadata.base import Database
from headwater.tracking import clock
from headwater.tracking.fail_lost_runs import RUNS_AT_ONCE, fail_lost_runs

_logger = logging.getLogger(__name__)

_LOOK_SECONDS = 2.0
_LATE_SECONDS = 10.0
"""Who looks so much too late was stopped, as a laptop is that sleeps, and heard nothing."""


class _Listening:
    """For how long this server has been there to hear without a break."""

    def __init__(self) -> None:
        self._since = self._last = time.monotonic()
        self._clock = time.time()

    def milliseconds(self) -> int:
        """Return for how long; called regularly."""
        now, wall = time.monotonic(), time.time()
        # The monotonic clock may stand still in sleep, and the other one be set.
        if max(now - self._last, abs(wall - self._clock)) > _LOOK_SECONDS + _LATE_SECONDS:
            self._since = now
        self._last, self._clock = now, wall
        return int(1000 * (now - self._since))


async def fail_lost_runs_in_background(database: Database) -> None:
    """Mark lost runs as failed, until cancelled."""
    listening = _Listening()
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        try:
            while await _fail_some(database, listening.milliseconds()) == RUNS_AT_ONCE:
                pass
        except DatabaseError as error:
            _logger.warning("lost runs could not be looked for: %s", error)


async def _fail_some(database: Database, listening: int) -> int:
    now = clock.now()
    if not await database.read(
        lambda connection: heartbeats.silent(connection, now, listening, 1), brief=True
    ):
        return 0
    return await database.write(lambda connection: fail_lost_runs(connection, now, listening))
