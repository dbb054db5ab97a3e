"""Keeps the artifact store in order: collects what no file needs, learns what others stored."""

import asyncio
import itertools
import logging

from headwater.errors import ArtifactStoreError
from headwater.server.daemon_thread import in_daemon_thread
from headwater.storage.artifacts.catch_up import catch_up
from headwater.storage.artifacts.collect import CollectionPlan, collect
from headwater.storage.artifacts.reindex import correct_sizes
from headwater.storage.artifacts.repack import repack
from headwater.storage.artifacts.store import ArtifactStore

_FIRST_SECONDS = 3600.0
_SECONDS = 24 * 3600.0
_CATCH_UP_SECONDS = 600.0
_CATCH_UPS_A_FILE_LISTING = 6
"""There are many more files than packs."""

_logger = logging.getLogger(__name__)


async def collect_in_background(store: ArtifactStore) -> None:
    """Pack anew, collect and correct sizes once a day, until cancelled."""
    await asyncio.sleep(_FIRST_SECONDS)
    while True:
        try:
            done = await in_daemon_thread(lambda: _collect(store))
        except ArtifactStoreError as error:
            _logger.error("artifacts could not be collected: %s", error)
        else:
            if done.remove:
                size = sum(each.size for each in done.remove)
                _logger.info("removed %d packs of %d bytes", len(done.remove), size)
        await asyncio.sleep(_SECONDS)


async def catch_up_in_background(store: ArtifactStore) -> None:
    """Bring the index up to date, until cancelled or, where nobody else has one, once."""
    for count in itertools.count():
        files = count % _CATCH_UPS_A_FILE_LISTING == 0
        try:
            await in_daemon_thread(store.begin)  # the place may have been away at the start
            done = await in_daemon_thread(lambda files=files: catch_up(store, files=files))  # type: ignore[misc]  # mypy does not infer it
        except ArtifactStoreError as error:
            _logger.error("the index of artifacts could not be brought up to date: %s", error)
        else:
            if done.read:
                _logger.info("the index of artifacts has learned of %d packs", done.read)
            if not store.objects.is_shared:
                return
        await asyncio.sleep(_CATCH_UP_SECONDS)


def _collect(store: ArtifactStore) -> CollectionPlan:
    for name in repack(store).damaged:
        _logger.error("the pack %s is damaged; run headwater artifacts check", name)
    done = collect(store)
    correct_sizes(store)
    return done
