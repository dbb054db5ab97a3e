"""Has the runs of this server compacted in the background, by a process of lowest priority."""

import asyncio
import contextlib
import json
import logging
import sys
import time
from pathlib import Path

from headwater.storage.metadata.base import Database
from headwater.storage.metrics.activity import Activity
from headwater.storage.metrics.compact import waiting

_logger = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_FIRST_LOOK_SECONDS = 30.0
_AFTER_FAILURE_SECONDS = 30.0
_KEEP_SECONDS = 20.0
_END_SECONDS = 5.0
_ENOUGH = 1 << 20
"""Blocks and points that make any run due."""


async def compact_in_background(place: Path | str, database: Database, activity: Activity) -> None:
    """Have compacted what is due, and what an earlier process left, until cancelled.

    `place` is the SQLite file or the URI of `database`.
    """
    worker = _Worker(place)
    first_look = time.monotonic() + _FIRST_LOOK_SECONDS
    try:
        while True:
            now = time.monotonic()
            if now >= first_look:
                first_look = float("inf")
                for run in await database.read(waiting):
                    activity.logged(run.run_id, run.blocks, run.points, now)
            run_id = activity.take_due(now)
            if run_id is not None:
                await _compact(worker, run_id, activity)
                continue
            if now - worker.last_used > _KEEP_SECONDS:
                await worker.end()
            await asyncio.sleep(_LOOK_SECONDS)
    finally:
        await worker.end()


async def _compact(worker: "_Worker", run_id: str, activity: Activity) -> None:
    answer = await worker.compact(run_id)
    if "error" in answer:
        _logger.warning("compaction of run %s was put off: %s", run_id, answer["error"])
        activity.logged(run_id, _ENOUGH, _ENOUGH, time.monotonic())
        await asyncio.sleep(_AFTER_FAILURE_SECONDS)
    elif answer["left_blocks"]:
        _logger.warning(
            "%d metric blocks of run %s stay as they are: they, or a chunk of their series, are "
            "damaged",
            answer["left_blocks"],
            run_id,
        )


class _Worker:
    """The process, started when there is work and ended when there is none."""

    def __init__(self, place: Path | str) -> None:
        name, value = ("file", str(place)) if isinstance(place, Path) else ("uri", place)
        self._place = json.dumps({name: value}).encode() + b"\n"
        self._process: asyncio.subprocess.Process | None = None
        self.last_used = 0.0

    async def compact(self, run_id: str) -> dict[str, object]:
        """Return the process's answer, or an error where it died."""
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "headwater.server.compaction_process"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            assert self._process.stdin is not None
            self._process.stdin.write(self._place)
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        line = b""
        with contextlib.suppress(ConnectionError):
            process.stdin.write(run_id.encode() + b"\n")
            await process.stdin.drain()
            line = await process.stdout.readline()
        self.last_used = time.monotonic()
        if not line:
            await self.end()
            return {"error": "its process died"}
        answer: dict[str, object] = json.loads(line)
        return answer

    async def end(self) -> None:
        """End the process, in the middle of its work where need be: a step is done or is not."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _END_SECONDS)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        self._process = None  # not before: who is cancelled while it waits has to wait again
