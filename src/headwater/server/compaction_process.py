"""The process that compacts for a server: ``python -m headwater.server.compaction_process``.

A process of its own, because decoding and sorting hold the interpreter lock: on a thread of the
server they would make every request wait. It reads the database, {"file": path} or {"uri": URI}, on
a line (arguments, which others see, may not hold passwords); then run ids, a line each, and answers
each with the number of blocks that had to stay, or with what the database said. It ends with its
input.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path

from headwater.errors import DatabaseError
from headwater.storage.backend import backend_of
from headwater.storage.metadata.base import Database
from headwater.storage.metrics.compact import compact_step

_LOWEST_PRIORITY = 19


def main() -> None:
    """Serve one server."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the server ends us
    with contextlib.suppress(OSError):
        os.nice(_LOWEST_PRIORITY)
    place = json.loads(sys.stdin.readline())
    database, _ = backend_of(Path(place["file"]) if "file" in place else place["uri"]).open()
    try:
        for line in sys.stdin:
            answer = asyncio.run(_compact(database, line.strip()))
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
    finally:
        database.close()


async def _compact(database: Database, run_id: str) -> dict[str, object]:
    """Compact a run, at rest half of the time."""
    after, more, left = 0, True, 0
    while more:
        started = time.monotonic()
        try:
            step = await compact_step(database, run_id, after)
        except DatabaseError as error:
            return {"error": str(error)}
        after, more, left = step.after, step.more, left + step.result.left_blocks
        if more:
            await asyncio.sleep(time.monotonic() - started)
    return {"left_blocks": left}


if __name__ == "__main__":
    main()
