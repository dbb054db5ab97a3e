"""What a server does with the artifact store beside answering."""

import asyncio
import contextlib
import logging
from pathlib import Path

import pytest
from tests.contracts.test_artifact_repacking import half_dead, noise
from tests.contracts.test_artifact_store import put, read

from headwater.server import collector
from headwater.storage.artifacts.collect import collect
from headwater.storage.artifacts.repack import repack
from headwater.storage.artifacts.store import ArtifactStore, open_local_store


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


async def test_a_lost_index_is_made_anew_when_a_server_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_local_store(tmp_path)
    content = noise(400_000, 1)
    put(store, "a/b", content)
    store.close()
    for path in tmp_path.glob("index.db*"):
        path.unlink()
    store = open_local_store(tmp_path)
    await run_until_collected(store, monkeypatch)
    assert store.index.is_complete
    assert store.index.total("a") == (1, len(content))
    assert put(store, "again", content).new_bytes == 0
    store.close()


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
