"""The index of the artifact store is brought up to date while a server runs."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from tests.s3 import S3

from headwater.entities.artifact_store_uri import Bucket
from headwater.server import collector
from headwater.server.collector import catch_up_in_background
from headwater.storage.artifacts.index import ChunkIndex
from headwater.storage.artifacts.s3_objects import S3Objects
from headwater.storage.artifacts.store import ArtifactStore, open_local_store

CONTENT = np.random.default_rng(0).bytes(500_000)


def put(store: ArtifactStore, path: str) -> int:
    writer = store.create(path)
    writer.write(CONTENT)
    return writer.publish().new_bytes


async def test_an_index_that_was_lost_is_made_again(tmp_path: Path) -> None:
    store = open_local_store(tmp_path)
    put(store, "a")
    store.close()
    for path in tmp_path.glob("index.db*"):
        path.unlink()
    store = open_local_store(tmp_path)
    await catch_up_in_background(store)  # nobody else stores there: once is enough
    assert put(store, "b") == 0
    store.close()


async def test_a_machine_learns_what_another_stores(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.use(monkeypatch)
    monkeypatch.setattr(collector, "_CATCH_UP_SECONDS", 0.05)
    objects = S3Objects(Bucket(s3.create_bucket()))
    here, there = (ArtifactStore(objects, ChunkIndex(tmp_path / name)) for name in ("h", "t"))
    learning = asyncio.create_task(catch_up_in_background(here))
    await asyncio.to_thread(put, there, "a")
    async with asyncio.timeout(30):
        while not here.index.packs():
            await asyncio.sleep(0.02)
    assert put(here, "b") == 0
    learning.cancel()
    await asyncio.wait([learning])
    await asyncio.sleep(0.2)  # a round that was under way ends by itself
    here.close()
    there.close()
