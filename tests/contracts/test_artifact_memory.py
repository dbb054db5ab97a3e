"""A file goes into a store and out of it in pieces, whatever its size."""

import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from headwater.storage.artifacts import build
from headwater.storage.artifacts.store import open_local_store

MEGABYTE = 1 << 20
BLOCK = 2 * MEGABYTE
HELD = 20 * MEGABYTE
"""Windows on packs and on what is not cut yet, blocks on their way."""


def most_held(work: Iterable[object]) -> int:
    """Do work step by step and return the most bytes that were held at once."""
    tracemalloc.start()
    for _ in work:
        pass
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def test_neither_upload_nor_download_hold_packs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = np.random.default_rng(0).bytes(48 * MEGABYTE)
    store = open_local_store(tmp_path)

    def upload(path: str) -> Iterable[object]:
        writer = store.create(path)
        for at in range(0, len(content), BLOCK):
            writer.write(content[at : at + BLOCK])
            yield at
        writer.publish()

    assert most_held(upload("large-packs")) < HELD
    store.delete("large-packs")
    store.index.forget_packs(sorted(store.index.packs()))
    monkeypatch.setattr(build, "PACK_BYTES", 3 * MEGABYTE // 2)  # a window each
    list(upload("many-packs"))
    found = store.open("many-packs")
    assert found is not None
    assert len(found.manifest.packs) > 16
    assert most_held(found.read()) < HELD
    store.close()
