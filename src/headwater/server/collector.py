"""Keeps the artifact store in order: collects what no file needs, learns what others stored."""

import asyncio
import logging

from headwater.errors import ArtifactStoreError
from headwater.server.daemon_thread import in_daemon_thread
from headwater.storage.artifacts.catch_up import catch_up
from headwater.storage.artifacts.collect import collect
from headwater.storage.artifacts.store import ArtifactStore

_FIRST_SECONDS = 3600.0
_SECONDS = 24 * 3600.0
_CATCH_UP_SECONDS = 600.0

_logger = logging.getLogger(__name__)


async def collect_in_background(store: ArtifactStore) -> None:
    """Collect once a day, until cancelled."""
    await asyncio.sleep(_FIRST_SECONDS)
    while True:
        try:
            done = await in_daemon_thread(lambda: collect(store))
        except ArtifactStoreError as error:
            _logger.error("artifacts could not be collected: %s", error)
        else:
            if done.remove:
                size = sum(each.size for each in done.remove)
                _logger.info("removed %d packs of %d bytes", len(done.remove), size)
        await asyncio.sleep(_SECONDS)


async def catch_up_in_background(store: ArtifactStore) -> None:
    """Bring the index up to date at once, and every ten minutes, until cancelled."""
    while True:
        try:
            await in_daemon_thread(store.begin)  # the place may have been away at the start
            done = await in_daemon_thread(lambda: catch_up(store))
        except ArtifactStoreError as error:
            _logger.error("the index of artifacts could not be brought up to date: %s", error)
        else:
            if done.read:
                _logger.info("the index of artifacts has learned of %d packs", done.read)
        await asyncio.sleep(_CATCH_UP_SECONDS)
