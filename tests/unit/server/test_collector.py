"""What a server does with the artifact store beside answering."""

import asyncio
import contextlib
import logging
from pathlib import Path

import numpy as np
import pytest
from tests.contracts.test_artifact_repacking import half_dead, noise
from tests.contracts.test_artifact_store import put, read
from tests.s3 import S3

from headwater.entities.artifact_store_uri import Bucket
from headwater.server import collector
from headwater.server.collector import catch_up_in_background
from headwater.storage.artifacts.collect import collect
from headwater.storage.artifacts.index import ChunkIndex
from headwater.storage.artifacts.repack import repack
from headwater.storage.artifacts.s3_objects import S3Objects
from headwater.storage.artifacts.store import ArtifactStore, open_local_store

CONTENT = np.random.default_rng(0).bytes(500_000)


async def test_an_index_that_was_lost_is_made_again(tmp_path: Path) -> None:
    store = open_local_store(tmp_path)
    put(store, "a/b", CONTENT)
    store.close()
    for path in tmp_path.glob("index.db*"):
        path.unlink()
    store = open_local_store(tmp_path)
    assert not store.index.is_complete
    await catch_up_in_background(store)  # nobody else stores there: once is enough
    assert store.index.is_complete
    assert store.index.total("a") == (1, len(CONTENT))
    assert put(store, "b", CONTENT).new_bytes == 0
    store.close()


async def test_a_machine_learns_what_another_stores(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.use(monkeypatch)
    monkeypatch.setattr(collector, "_CATCH_UP_SECONDS", 0.05)
    objects = S3Objects(Bucket(s3.create_bucket()))
    here, there = (ArtifactStore(objects, ChunkIndex(tmp_path / name)) for name in ("h", "t"))
    learning = asyncio.create_task(catch_up_in_background(here))
    await asyncio.to_thread(put, there, "a", CONTENT)
    async with asyncio.timeout(30):
        while not (here.index.packs() and here.index.size("a")):
            await asyncio.sleep(0.02)
    assert put(here, "b", CONTENT).new_bytes == 0
    learning.cancel()
    await asyncio.wait([learning])
    await asyncio.sleep(0.2)  # a round that was under way ends by itself
    here.close()
    there.close()


async def run_until_collected(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the task through its first collection."""
    monkeypatch.setattr(collector, "_FIRST_SECONDS", 0)
    collected = asyncio.Event()
    loop = asyncio.get_running_loop()

    def note(store: ArtifactStore) -> int:
        loop.call_soon_threadsafe(collected.set)
        return 0

    monkeypatch.setattr(collector, "correct_sizes", note)
    task = asyncio.create_task(collector.collect_in_background(store))
    await asyncio.wait_for(collected.wait(), 30)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_sparse_packs_are_packed_anew_and_damaged_ones_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_local_store(tmp_path)
    [(path, content)] = half_dead(store).items()
    lost = noise(2_000_000, 9)
    put(store, "whole", lost)
    [damaged] = {each.name for each in store.objects.list("packs") if each.size > 1_900_000} - {
        max(store.objects.list("packs"), key=lambda each: each.size).name
    }
    put(store, "small", lost[:300_000])
    store.delete("whole")
    (tmp_path / damaged).write_bytes((tmp_path / damaged).read_bytes()[:-5])
    monkeypatch.setattr(collector, "repack", lambda store: repack(store, grace=-1))
    monkeypatch.setattr(collector, "collect", lambda store: collect(store, grace=-1))
    with caplog.at_level(logging.ERROR):
        await run_until_collected(store, monkeypatch)
    assert f"the pack {damaged.rpartition('/')[2]} is damaged" in caplog.text
    assert len(list(store.objects.list("moved"))) == 1
    assert read(store, path) == content
    store.close()
