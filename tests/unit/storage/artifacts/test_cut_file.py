"""Local files, hashed and cut."""

from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import pytest
from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contracts.test_artifact_store import safetensors

from headwater.storage.artifacts.cut_file import open_file

CONTENT = np.random.default_rng(21).bytes(9_000_000)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(ends=st.sets(st.integers(1, len(CONTENT) - 1), max_size=40))
def test_parts_have_their_hashes_wherever_they_are_cut(ends: set[int], tmp_path: Path) -> None:
    path = tmp_path / "w.bin"
    path.write_bytes(CONTENT)
    bounds = [0, *sorted(ends), len(CONTENT)]
    lengths = [end - start for start, end in pairwise(bounds)]
    with open_file(path) as opened:
        hashes = opened.hash_parts(lengths)
        assert opened.hash_parts(lengths) == hashes  # those that are known by now
    parts = zip(accumulate(lengths, initial=0), lengths, strict=False)
    assert hashes == b"".join(blake3(CONTENT[at : at + n]).digest() for at, n in parts)


@pytest.mark.parametrize("kind", ["bytes", "tensors"])
def test_what_was_hashed_before_is_cut_as_what_was_not(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "w.bin"
    tensors = {"a": CONTENT[:3_000_000], "b": CONTENT[3_000_000:]}
    path.write_bytes(CONTENT if kind == "bytes" else safetensors(tensors))
    with open_file(path) as opened:
        plain = opened.cut()
    lengths = np.diff(plain.starts).tolist()
    with open_file(path) as opened:
        hashes = opened.hash_parts(lengths)
        again = opened.cut()
        content = b"".join(again.read(number) for number in range(len(again.digests)))
    assert content == path.read_bytes()
    assert hashes == b"".join(plain.digests) == b"".join(again.digests)
    assert (plain.starts, plain.tensors) == (again.starts, again.tensors)
    assert plain.digest == again.digest == blake3(content).digest()


def test_a_file_that_becomes_shorter_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "w.bin"
    path.write_bytes(CONTENT)
    with open_file(path) as opened:
        cut = opened.cut()
        path.write_bytes(CONTENT[:100])
        with pytest.raises(OSError, match="shorter"):
            cut.read(len(cut.digests) - 1)
        with pytest.raises(OSError, match="shorter"):
            opened.hash_parts([len(CONTENT)])
