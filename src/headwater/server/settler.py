"""Settles the runs that have ended in the background, so that searches by metric stay fast."""

import asyncio
import logging
import time

from headwater.errors import DatabaseError
from headwater.storage.metadata.base import Database
from headwater.storage.metadata.settle_runs import RUNS_AT_ONCE, settle_runs

_logger = logging.getLogger(__name__)

_LOOK_SECONDS = 5.0
_PAUSE_SECONDS = 0.05
"""Between two transactions, for the writes that wait."""

_AFTER_FAILURE_SECONDS = 60.0
_REST_SECONDS = 3600
"""A run that has not ended is settled after so long: a crashed one never ends."""


async def settle_in_background(database: Database) -> None:
    """Settle what has come to rest, until cancelled."""
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        try:
            while await _settle_some(database) == RUNS_AT_ONCE:
                await asyncio.sleep(_PAUSE_SECONDS)
        except DatabaseError as error:  # searches look such runs up one by one meanwhile
            _logger.warning("runs could not be settled: %s", error)
            await asyncio.sleep(_AFTER_FAILURE_SECONDS)


async def _settle_some(database: Database) -> int:
    before = int(time.time()) - _REST_SECONDS
    return await database.write(lambda connection: settle_runs(connection, before), long=True)
