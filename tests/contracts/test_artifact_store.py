"""What is stored comes back bit by bit, is stored once, and survives whatever happens beside it."""

import io
import json
import os
import pickle
import struct
import sys
import threading
import types
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contracts.artifact_places import Open, Place

from headwater.errors import ArtifactStoreError, CorruptArtifactError
from headwater.storage.artifacts import build, pack
from headwater.storage.artifacts.build import Stored
from headwater.storage.artifacts.catch_up import catch_up
from headwater.storage.artifacts.check import check
from headwater.storage.artifacts.collect import collect
from headwater.storage.artifacts.index import ChunkIndex
from headwater.storage.artifacts.objects import Draft, GatheredDraft, Objects
from headwater.storage.artifacts.store import ArtifactStore, Listed, open_local_store

MEGABYTE = 1024 * 1024


def put(store: ArtifactStore, path: str, content: bytes, piece: int = MEGABYTE) -> Stored:
    writer = store.create(path)
    for first in range(0, len(content), piece):
        writer.write(content[first : first + piece])
    return writer.publish()


def read(store: ArtifactStore, path: str, start: int = 0, end: int | None = None) -> bytes:
    found = store.open(path)
    assert found is not None
    return b"".join(found.read(start, end))


def noise(size: int, seed: int = 0) -> bytes:
    return np.random.default_rng(seed).bytes(size)


def weights(seed: int, count: int) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    return (np.random.default_rng(seed).standard_normal(count) * 0.02).astype(np.float32)


def trained(before: bytes, seed: int) -> bytes:
    """Return float32 weights a small step further."""
    values = np.frombuffer(before, np.float32)
    step = np.random.default_rng(seed).standard_normal(len(values)).astype(np.float32)
    changed: bytes = (values * (1 + 1e-3 * step)).tobytes()
    return changed


def safetensors(tensors: dict[str, bytes]) -> bytes:
    header, at = {}, 0
    for name, content in tensors.items():
        ends = [at, at + len(content)]
        header[name] = {"dtype": "F32", "shape": [len(content) // 4], "data_offsets": ends}
        at += len(content)
    described = json.dumps(header).encode()
    return struct.pack("<Q", len(described)) + described + b"".join(tensors.values())


def archive(entries: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Return what PyTorch and numpy write: a zip archive, usually without compression."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as zipped:
        for name, content in entries.items():
            with zipped.open(zipfile.ZipInfo(name), "w", force_zip64=True) as entry:
                entry.write(content)
    return file.getvalue()


class _Stream(io.RawIOBase):
    """A stream that cannot go back, as PyTorch's writer takes it for."""

    def __init__(self) -> None:
        self.content = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self.content += content
        return len(content)


def pytorch(
    tensors: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, directory: str = "archive"
) -> bytes:
    """Return what ``torch.save`` writes: sizes stand behind the entries, and in the pickle."""
    torch = types.ModuleType("torch")
    kind = type("FloatStorage", (), {"__module__": "torch"})
    monkeypatch.setattr(torch, "FloatStorage", kind, raising=False)
    monkeypatch.setitem(sys.modules, "torch", torch)

    class Pickler(pickle.Pickler):
        def persistent_id(self, value: Any) -> Any:
            if not isinstance(value, bytearray):
                return None
            key = str(list(tensors).index(value.decode()))
            return "storage", kind, key, "cpu", len(tensors[value.decode()]) // 4

    file = io.BytesIO()
    Pickler(file, 2).dump({name: (bytearray(name.encode()), 0, (7,)) for name in tensors})
    stream = _Stream()
    with zipfile.ZipFile(stream, "w") as zipped:
        zipped.writestr(f"{directory}/data.pkl", file.getvalue())
        zipped.writestr(f"{directory}/byteorder", "little")
        for key, content in enumerate(tensors.values()):
            zipped.writestr(f"{directory}/data/{key}", content)
        zipped.writestr(f"{directory}/version", "3\n")
    return bytes(stream.content)


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    blocks=st.lists(st.tuples(st.binary(max_size=300), st.integers(1, 3_000)), max_size=5),
    piece=st.integers(1, 500_000),
    start=st.integers(0, 3_000_000),
    length=st.integers(0, 3_000_000),
)
def test_any_file_comes_back_whole_and_in_part(
    store: ArtifactStore,
    blocks: list[tuple[bytes, int]],
    piece: int,
    start: int,
    length: int,
) -> None:
    content = b"".join(block * times for block, times in blocks)
    stored = put(store, "a/file.bin", content, max(piece, len(content) // 200))
    assert stored.head.size == len(content)
    assert read(store, "a/file.bin") == content
    assert read(store, "a/file.bin", start, start + length) == content[start : start + length]
    assert store.find("a/file.bin") == stored.head


@pytest.mark.parametrize("piece", [977, 65_536, 5 * MEGABYTE])
def test_chunks_do_not_depend_on_how_a_file_came(
    store: ArtifactStore, opened: Open, piece: int
) -> None:
    content = noise(9 * MEGABYTE)
    put(store, "first", content)
    assert put(store, "second", content, piece).new_bytes == 0
    assert read(opened(), "second") == content


def test_what_is_inserted_costs_about_as_much_as_it_is(store: ArtifactStore) -> None:
    content = noise(20 * MEGABYTE)
    put(store, "before", content)
    changed = content[: 7 * MEGABYTE] + b"some words" + content[7 * MEGABYTE :]
    stored = put(store, "after", changed)
    assert 0 < stored.new_bytes < 0.03 * len(content)
    assert read(store, "after") == changed


def test_a_tensor_is_stored_once_whatever_file_it_stands_in(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone, head, other = (weights(seed, 700_001).tobytes() for seed in range(3))
    put(store, "one.safetensors", safetensors({"backbone": backbone, "head": head}))
    shifted = safetensors({"a": weights(9, 5_000).tobytes(), "h": other, "b": backbone})
    assert put(store, "two.safetensors", shifted).new_bytes < 1.1 * len(other)
    file = io.BytesIO()
    np.savez(file, backbone=np.frombuffer(backbone, np.float32))
    assert put(store, "three.npz", file.getvalue()).new_bytes < 0.01 * len(backbone)
    file = io.BytesIO()
    np.save(file, np.frombuffer(head, np.float32))
    assert put(store, "four.npy", file.getvalue()).new_bytes < 0.01 * len(head)
    small = weights(8, 100).tobytes()
    saved = pytorch({"body": backbone, "bias": small, "head": head}, monkeypatch)
    assert put(store, "five.pt", saved).new_bytes < 0.01 * len(saved)
    for path, content in (("two.safetensors", shifted), ("five.pt", saved)):
        assert read(store, path) == content


def depth(store: ArtifactStore, path: str) -> int:
    """Return how many differences have to be undone to read a file."""
    found = store.open(path)
    assert found is not None
    chunks = range(len(found.manifest.chunks))
    return max(len(found.manifest.chain(number)) for number in chunks) - 1


@pytest.mark.parametrize("form", ["safetensors", "zip", "pytorch"])
def test_versions_are_differences_and_all_of_them_come_back(
    store: ArtifactStore, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def file(content: bytes, number: int) -> bytes:
        if form == "pytorch":
            return pytorch({"w": content}, monkeypatch, f"step-{number}")
        if form == "zip":
            return archive({f"step-{number}/data/0": content})
        return safetensors({"w": content})

    contents = [weights(0, 400_000).tobytes()]
    while len(contents) < 7:
        contents.append(trained(contents[-1], len(contents)))
    files = [file(content, number) for number, content in enumerate(contents)]
    stored = [put(store, f"run/step-{n}", each).new_bytes for n, each in enumerate(files)]
    assert max(stored[1:]) < 0.7 * stored[0]
    # Few differences are undone to read one, however many there are.
    assert [depth(store, f"run/step-{n}") for n in range(7)] == [0, 1, 1, 1, 1, 2, 2]
    for number, content in enumerate(files):
        assert read(store, f"run/step-{number}") == content
    store.delete("run/step-0")
    collect(store, grace=-1)
    collect(store, grace=-1)
    assert read(store, "run/step-3") == files[3]


def test_of_several_files_a_new_one_is_a_difference_to_that_which_it_resembles(
    store: ArtifactStore,
) -> None:
    """Which ones may be is told from outside; a file of the same run is taken without asking."""
    families = [weights(seed, 200_000).tobytes() for seed in range(3)]
    first = weights(7, 50).tobytes()  # too small to tell which one it is
    paths = [f"1/models/m-{number}/artifacts/w.safetensors" for number in range(3)]
    asked: list[str] = []

    def find_predecessors(path: str) -> list[str]:
        asked.append(path)
        return [*paths[:2], "1/models/m-gone/artifacts/w.safetensors"]

    def file(content: bytes) -> bytes:
        return safetensors({"first": first, "w": content})

    for path, content in zip(paths, families, strict=True):
        put(store, path, file(content))
    store.find_predecessors = find_predecessors
    news = [file(trained(content, 9)) for content in families]
    for number, new in enumerate(news):
        path = f"1/models/m-new-{number}/artifacts/w.safetensors"
        assert put(store, path, new).new_bytes < 0.6 * len(new)
        assert asked.pop() == path
        store.delete(path)
    put(store, "1/run/artifacts/checkpoints/1.safetensors", news[0])
    asked.clear()
    last = file(trained(news[0][-800_000:], 10))
    stored = put(store, "1/run/artifacts/checkpoints/2.safetensors", last)
    assert (asked, stored.new_bytes < 0.6 * len(last)) == ([], True)
    # The predecessors go, and what builds on them stays.
    for path in paths:
        store.delete(path)
    for _ in range(2):
        collect(store, grace=-1)
    assert read(store, "1/run/artifacts/checkpoints/2.safetensors") == last
    assert list(check(store)) == []


def test_differences_do_not_become_deeper_than_allowed(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "DEEPEST", 1)
    content = weights(0, 100_000).tobytes()
    for number in range(7):
        stored = put(store, f"run/step-{number}", safetensors({"w": content}))
        assert number == 0 or stored.new_bytes < 0.7 * len(content)
        assert depth(store, f"run/step-{number}") == min(number, 1)
        content = trained(content, number)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\x01\x00\xff\xff",
        b"\x93NUMPY\x01\x00\x76\x00{'descr': '|O', 'shape': (9,)}".ljust(9_000),
        b"\x93NUMPY\x01\x00\x76\x00" + b"[" * 9_000,
        b"PK\x03\x04",
        b"PK\x03\x04" + b"\xff" * 9_000,
        archive({"a": b"x" * 50_000, "b": noise(9_000)}, zipfile.ZIP_DEFLATED),
        archive({"a": noise(5 * MEGABYTE)})[: 3 * MEGABYTE],
        struct.pack("<Q", 10) + b"{" + b"\xff" * 9_000,
        struct.pack("<Q", 2**20) + b'{"w": 1}',
        safetensors({"w": noise(40_000)})[:20_000],
        struct.pack("<Q", 46) + b'{"w":{"data_offsets":[-9,99999999999999999]}} ' + noise(9_000),
        struct.pack("<Q", 50)
        + b'{"a":{"data_offsets":[0,9000]},"b":{"data_offsets":[5000,20000]}}',
    ],
)
def test_files_that_only_look_like_tensors_come_back_as_well(
    store: ArtifactStore, content: bytes
) -> None:
    put(store, "odd", content)
    assert read(store, "odd") == content


def test_small_files_are_one_object(store: ArtifactStore) -> None:
    put(store, "run/MLmodel", b"flavors: {}\n")
    names = [each.name for each in store.objects.list("manifests")]
    assert names == ["manifests/run/MLmodel"]
    assert list(store.objects.list("packs")) == []


def test_directories_are_listed_and_deleted(store: ArtifactStore) -> None:
    for path in ("run/model/MLmodel", "run/model/data/w.bin", "run/a.txt", "other/b.txt"):
        put(store, path, path.encode())
    assert store.list("") == [Listed("other", None), Listed("run", None)]
    assert store.list("run") == [Listed("run/a.txt", 9), Listed("run/model", None)]
    assert store.list("run/a.txt") == store.list("none") == []
    assert sorted(store.paths())[0] == "other/b.txt"
    assert store.delete("run/model") == 2
    assert store.delete("run/model") == 0
    assert store.list("run") == [Listed("run/a.txt", 9)]
    assert store.find("run/model/MLmodel") is None
    assert store.open("run") is None


def test_a_store_of_a_later_version_is_left_alone(store: ArtifactStore, opened: Open) -> None:
    store.begin()
    opened().begin()
    store.objects.put("format", [b"2\n"])
    with pytest.raises(ArtifactStoreError, match="later version"):
        store.begin()


def test_a_file_takes_the_place_of_one_of_its_path_at_once(store: ArtifactStore) -> None:
    put(store, "model.bin", b"old")
    writer = store.create("model.bin")
    writer.write(b"new")
    assert read(store, "model.bin") == b"old"
    writer.publish()
    assert read(store, "model.bin") == b"new"


def test_a_path_is_a_file_or_a_directory(store: ArtifactStore) -> None:
    put(store, "a", b"x")
    with pytest.raises(ArtifactStoreError):
        put(store, "a/b", b"x")
    put(store, "c/d", b"x")
    with pytest.raises(ArtifactStoreError):
        put(store, "c", b"x")
    assert read(store, "c/d") == b"x"


@pytest.mark.parametrize(
    "path", ["../x", "/x", "a//b", "a/./b", "a/../../b", "a\0b", "a/", "x" * 300]
)
def test_paths_that_lead_elsewhere_are_refused(store: ArtifactStore, path: str) -> None:
    with pytest.raises(ArtifactStoreError):
        put(store, path, b"x")
    assert list(store.paths()) == []


class Failing:
    """A place that fails at the n-th object."""

    def __init__(self, objects: Objects, puts: int) -> None:
        self._objects = objects
        self._left = puts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)

    def draft(self, name: str) -> Draft:
        return GatheredDraft(cast(Objects, self), name)

    def put(self, name: str, parts: Iterable[bytes]) -> None:
        self._left -= 1
        if self._left < 0:
            raise ArtifactStoreError("cut off")
        self._objects.put(name, parts)


def test_a_file_that_was_cut_off_is_not_there_and_the_rest_suffices_the_next_time(
    store: ArtifactStore, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "PACK_BYTES", 4 * MEGABYTE)
    content = noise(10 * MEGABYTE)
    put(store, "model", b"the last version")
    failing = cast(Objects, Failing(place.objects(), 1))
    broken = ArtifactStore(failing, ChunkIndex(place.index))
    with pytest.raises(ArtifactStoreError, match="cut off"):
        put(broken, "model", content)
    broken.close()
    assert read(store, "model") == b"the last version"
    again = put(store, "model", content)
    assert again.new_bytes < 0.65 * len(content)
    assert read(store, "model") == content


def test_many_may_store_the_same_at_once(opened: Open) -> None:
    content = noise(6 * MEGABYTE)
    stores = [opened() for _ in range(4)]
    threads = [
        threading.Thread(target=put, args=(each, f"copy-{number % 2}", content))
        for number, each in enumerate(stores)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(2):
        assert read(stores[0], f"copy-{number}") == content


def flip(at: int) -> Callable[[bytes], bytes]:
    return lambda content: content[:at] + bytes((content[at] ^ 1,)) + content[at + 1 :]


def test_damage_is_found_and_named_and_the_rest_is_readable(
    store: ArtifactStore, place: Place
) -> None:
    good, bad = noise(MEGABYTE, 1), noise(MEGABYTE, 2)
    put(store, "good", good)
    before = {each.name for each in store.objects.list("packs")}
    put(store, "bad", bad)
    put(store, "cut", b"small")
    [name] = {each.name for each in store.objects.list("packs")} - before
    place.change(name, flip(500_000))
    place.change("manifests/cut", lambda content: content[:-1])
    with pytest.raises(CorruptArtifactError, match="bad: chunk"):
        read(store, "bad")
    assert sorted(each.path for each in check(store)) == ["bad", "cut"]
    assert read(store, "good") == good
    store.objects.delete(name)
    with pytest.raises(CorruptArtifactError, match="is missing"):
        read(store, "bad")
    # What the index says of the lost pack is not believed.
    put(store, "bad", bad)
    assert read(store, "bad") == bad


def test_the_index_may_be_lost(store: ArtifactStore, opened: Open, place: Place) -> None:
    content = noise(3 * MEGABYTE)
    put(store, "a", content)
    store.close()
    place.lose_index()
    again = opened()
    assert read(again, "a") == content
    assert put(again, "b", content).new_bytes <= len(content) + 1_000


def test_an_index_catches_up_with_the_place(store: ArtifactStore, place: Place) -> None:
    content = weights(0, 400_000).tobytes()
    put(store, "run/step-0", safetensors({"w": content}))
    put(store, "run/noise", noise(3 * MEGABYTE))
    for number in range(1, 3):
        content = trained(content, number)
        put(store, f"run/step-{number}", safetensors({"w": content}))
    other = place.open("another-machine.db")
    assert put(other, "before", noise(3 * MEGABYTE)).new_bytes > 2 * MEGABYTE
    learned = catch_up(other)
    assert (learned.read, learned.forgotten, learned.files) == (len(packs(store)) - 1, 0, 5)
    assert put(other, "after", safetensors({"w": content})).new_bytes == 0
    # One more difference, to the first file, as the other machine has it.
    last = safetensors({"w": trained(content, 3)})
    assert put(other, "run/step-3", last).new_bytes < 0.6 * len(last)
    assert read(other, "run/step-3") == last
    assert catch_up(other).read == 0
    for path in ("run", "before", "after"):
        store.delete(path)
    collect(store, grace=-1)
    collect(store, grace=-1)
    assert catch_up(other).forgotten > 0
    assert other.index.packs() == set()
    other.close()


def test_machines_that_store_one_chunk_in_two_ways_read_both(
    store: ArtifactStore, place: Place
) -> None:
    """Each has what the other builds on as a difference to what it builds on itself."""
    one = weights(0, 400_000).tobytes()
    two = trained(one, 1)
    files = {"a/1": safetensors({"w": one}), "a/2": safetensors({"w": two})}
    other = place.open("another-machine.db")
    for each, paths in ((store, ["a/1", "a/2"]), (other, ["a/2", "a/1"])):
        for path in paths:
            put(each, f"{path}-{each is other}", files[path])
    third = place.open("third.db")
    for each in (store, other, third):
        catch_up(each)
        for path, content in files.items():
            assert put(each, f"{path}-again", content).new_bytes == 0
            assert read(each, f"{path}-again") == content
    other.close()
    third.close()


def packs(store: ArtifactStore) -> set[str]:
    return {pack.pack_of(each.name) for each in store.objects.list("packs")}


def test_what_no_file_needs_goes_in_two_steps(store: ArtifactStore) -> None:
    kept, gone = noise(MEGABYTE, 1), noise(MEGABYTE, 2)
    put(store, "kept", kept)
    before = packs(store)
    put(store, "gone", gone)
    store.delete("gone")
    assert collect(store).condemn == ()  # it is too young: its file may be about to come
    assert len(collect(store, grace=-1).condemn) == 1
    assert len(packs(store)) == len(before) + 1
    assert len(collect(store, grace=-1).remove) == 1
    assert packs(store) == before
    assert put(store, "again", gone).new_bytes > 0.9 * len(gone)
    assert (read(store, "again"), read(store, "kept")) == (gone, kept)
    assert list(store.objects.list("condemned")) == []


@pytest.mark.parametrize("machine", ["index.db", "another-machine.db"])
def test_an_upload_beside_a_collection_keeps_what_it_needs(
    store: ArtifactStore, place: Place, machine: str
) -> None:
    content = noise(5 * MEGABYTE)
    collector = place.open(machine)
    put(store, "old", content)
    racing = store.create("new")
    racing.write(content)  # finds the chunks of the old file
    store.delete("old")
    collect(collector, grace=-1)  # condemns them
    with pytest.raises(ArtifactStoreError, match="store the file again"):
        racing.publish()
    put(store, "new", content)
    collect(collector, grace=-1)
    assert read(store, "new") == content
    collector.close()


def test_a_condemned_pack_that_a_file_needs_after_all_is_pardoned(store: ArtifactStore) -> None:
    content = noise(5 * MEGABYTE)
    put(store, "old", content)
    racing = store.create("new")
    racing.write(content)
    stored = racing.publish()
    assert stored.new_bytes == 0
    manifest = store.objects.get("manifests/new")
    store.delete("old")
    store.delete("new")
    collect(store, grace=-1)
    store.objects.put("manifests/new", [manifest])  # published just after the condemnation
    assert len(collect(store, grace=-1).pardon) == 1
    assert read(store, "new") == content


def test_what_a_crash_has_left_is_cleared_away(tmp_path: Path) -> None:
    """In a directory: what was not put whole in a bucket is in no listing."""
    store = open_local_store(tmp_path / "store")
    put(store, "a", b"x")
    draft = tmp_path / "store" / "drafts" / "left"
    draft.write_bytes(b"half a pack")
    collect(store)
    assert draft.exists()
    os.utime(draft, (0, 0))
    collect(store)
    assert not draft.exists()
    store.close()


def test_a_damaged_manifest_stops_the_collection(store: ArtifactStore, place: Place) -> None:
    put(store, "a", noise(MEGABYTE))
    place.change("manifests/a", flip(100))
    with pytest.raises(CorruptArtifactError):
        collect(store, grace=-1)
    assert packs(store)


def test_an_index_that_goes_round_in_circles_is_not_believed(store: ArtifactStore) -> None:
    content = noise(60_000)
    put(store, "a", content)
    place = store.index.find(blake3(content).digest())
    assert place is not None
    other = bytes(32)
    round_about = [
        (blake3(content).digest(), replace(place, base=other)),
        (other, replace(place, base=blake3(content).digest())),
    ]
    store.index.add(round_about)
    assert put(store, "b", content).new_bytes > 50_000
    assert read(store, "b") == content
