"""Compaction holds a step's points and one chunk at a time, whatever the size of the run."""

import tracemalloc

import numpy as np
import pytest
from tests.contracts.conftest import Backend

from headwater.entities.metric import Points
from headwater.storage.metrics import blocks, compact, compaction
from headwater.storage.metrics.compact import compact_run

KEYS_A_BLOCK = 250
POINTS_A_BLOCK = 4_000


async def log_keys(backend: Backend, run_id: str, blocks: int) -> None:
    """Log one point of so many new metrics a block."""
    column = np.arange(KEYS_A_BLOCK)
    for number in range(blocks):
        keys = tuple(f"key{number}/{each}" for each in column.tolist())
        points = Points(keys, column, column, column, column / 7)
        await backend.database.write(
            lambda c, points=points: backend.metrics.append(c, run_id, points)  # type: ignore[misc]
        )


async def log_points(backend: Backend, run_id: str, blocks: int) -> None:
    """Log so many points of one metric a block."""
    values = np.random.default_rng(0).standard_normal(POINTS_A_BLOCK)
    for number in range(blocks):
        steps = np.arange(number * POINTS_A_BLOCK, (number + 1) * POINTS_A_BLOCK)
        points = Points(("loss",), np.zeros(POINTS_A_BLOCK, np.intp), steps, steps, values)
        await backend.database.write(
            lambda c, points=points: backend.metrics.append(c, run_id, points)  # type: ignore[misc]
        )


async def peak(backend: Backend, run_id: str) -> int:
    """Compact a run and return the most bytes that were held at once."""
    tracemalloc.start()
    await compact_run(backend.database, run_id)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


@pytest.mark.slow
@pytest.mark.parametrize("log", [log_keys, log_points], ids=["keys", "points"])
async def test_memory_does_not_grow_with_the_run(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, log: object
) -> None:
    monkeypatch.setattr(compact, "_KEYS_A_STEP", 500)
    monkeypatch.setattr(compact, "_POINTS_A_STEP", 8_000)
    monkeypatch.setattr(blocks, "_BLOCKS_A_PAGE", 2)
    monkeypatch.setattr(compaction, "LARGEST_CHUNK", 8_000)
    first, small, large = backend.run_ids
    await log(backend, first, 6)  # type: ignore[operator]  # what is made once is made here
    await peak(backend, first)
    await log(backend, small, 6)  # type: ignore[operator]
    await log(backend, large, 48)  # type: ignore[operator]
    assert await peak(backend, large) < 1.5 * await peak(backend, small)
