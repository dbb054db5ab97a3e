"""Collects in the background what no artifact needs any more, and keeps the store's index whole."""

import asyncio
import logging
import threading
from collections.abc import Callable

from headwater.errors import ArtifactStoreError
from headwater.storage.artifacts.collect import CollectionPlan, collect
from headwater.storage.artifacts.reindex import correct_sizes, reindex
from headwater.storage.artifacts.repack import repack
from headwater.storage.artifacts.store import ArtifactStore

_FIRST_SECONDS = 3600.0
_SECONDS = 24 * 3600.0

_logger = logging.getLogger(__name__)


async def collect_in_background(store: ArtifactStore) -> None:
    """Make the index anew where it is not whole, then collect once a day; until cancelled."""
    stopping = threading.Event()
    try:
        await asyncio.to_thread(complete_index, store, stopping.is_set)
    except ArtifactStoreError as error:
        _logger.error("the index of artifacts could not be made anew: %s", error)
    finally:
        stopping.set()  # the process must not wait for it when it ends
    await asyncio.sleep(_FIRST_SECONDS)
    while True:
        try:
            done = await asyncio.to_thread(_collect, store)
        except ArtifactStoreError as error:
            _logger.error("artifacts could not be collected: %s", error)
        else:
            if done.remove:
                size = sum(each.size for each in done.remove)
                _logger.info("removed %d packs of %d bytes", len(done.remove), size)
        await asyncio.sleep(_SECONDS)


def complete_index(store: ArtifactStore, is_stopped: Callable[[], bool] = lambda: False) -> None:
    """Make the index anew where it was lost, or an older release made it."""
    if not store.index.is_complete:
        reindex(store, is_stopped)


def _collect(store: ArtifactStore) -> CollectionPlan:
    for name in repack(store).damaged:
        _logger.error("the pack %s is damaged; run headwater artifacts check", name)
    done = collect(store)
    correct_sizes(store)
    return done
