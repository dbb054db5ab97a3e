"""A process that logs points of two metrics and compacts all the time, until it is killed.

Prints the number of each batch once it is stored.
"""

import asyncio
import itertools
import sys
from pathlib import Path

import numpy as np

from headwater.entities.metric import Points
from headwater.storage.metadata.sqlite import SqliteDatabase
from headwater.storage.metrics import compact, compaction
from headwater.storage.metrics.sqlite import SqliteMetricEngine

POINTS = 100


def batch(number: int) -> Points:
    """Return the points of a batch, half of each metric; of four batches the last comes first."""
    steps = np.arange(POINTS) + (number ^ 3) * POINTS
    return Points(("even", "odd"), steps % 2, steps, 1_000 + steps // 3, steps / 7)


async def main(path: Path, run_id: str, first: int) -> None:
    """Log from batch `first` on."""
    compaction.LARGEST_CHUNK = 256
    compact._POINTS_A_STEP = 300
    database, engine = SqliteDatabase(path), SqliteMetricEngine()

    async def compact_for_ever() -> None:
        while True:
            await compact.compact_run(database, run_id)
            await asyncio.sleep(0)

    compacting = asyncio.create_task(compact_for_ever())
    for number in itertools.count(first):
        points = batch(number)
        await database.write(lambda c, points=points: engine.append(c, run_id, points))  # type: ignore[misc]
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        if compacting.done():
            compacting.result()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
