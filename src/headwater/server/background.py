"""What a server does beside answering, for as long as it runs."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from headwater.server.collector import catch_up_in_background, collect_in_background
from headwater.server.compactor import compact_in_background
from headwater.server.lost_runs import fail_lost_runs_in_background
from headwater.server.settler import settle_in_background
from headwater.storage.artifacts.store import ArtifactStore
from headwater.storage.metadata.base import Database
from headwater.storage.metrics.activity import Activity

_logger = logging.getLogger(__name__)


def start_background(
    place: Path | str,
    database: Database,
    activity: Activity,
    artifacts: ArtifactStore | None = None,
) -> "Sequence[asyncio.Task[None]]":
    """Begin all of it; `stop_background` before the database is closed.

    `place` is the SQLite file or the URI of `database`. A failure that ends one of the tasks is
    logged, and takes nothing else along.
    """
    tasks = [
        asyncio.create_task(database.make_room(), name="lengthening of the log"),
        asyncio.create_task(compact_in_background(place, database, activity), name="compaction"),
        asyncio.create_task(settle_in_background(database), name="settling of runs"),
        asyncio.create_task(fail_lost_runs_in_background(database), name="watch over lost runs"),
    ]
    if artifacts is not None:
        collecting = collect_in_background(artifacts)
        tasks.append(asyncio.create_task(collecting, name="collection of artifacts"))
        learning = catch_up_in_background(artifacts)
        tasks.append(asyncio.create_task(learning, name="index of artifacts"))
    for task in tasks:
        task.add_done_callback(_report_failure)
    return tasks


async def stop_background(tasks: "Sequence[asyncio.Task[None]]") -> None:
    """End the tasks, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


def _report_failure(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (failure := task.exception()) is not None:
        _logger.error("%s has stopped", task.get_name(), exc_info=failure)
