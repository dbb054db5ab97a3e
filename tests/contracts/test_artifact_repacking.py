"""Space comes back, an index that was lost as well, and no file is lost whenever it all stops."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contracts.artifact_places import Place
from tests.contracts.test_artifact_store import put, read, safetensors, trained, weights

from headwater.errors import ArtifactStoreError
from headwater.storage.artifacts import pack
from headwater.storage.artifacts.catch_up import CatchUp, catch_up
from headwater.storage.artifacts.check import check
from headwater.storage.artifacts.collect import collect
from headwater.storage.artifacts.index import ChunkIndex
from headwater.storage.artifacts.local_objects import LocalObjects
from headwater.storage.artifacts.objects import Draft, GatheredDraft
from headwater.storage.artifacts.references import read_references
from headwater.storage.artifacts.reindex import correct_sizes, reindex
from headwater.storage.artifacts.repack import NEEDED, _Repacking, plan_repacking, repack
from headwater.storage.artifacts.store import ArtifactStore, open_local_store
from headwater.storage.artifacts.usage import packed_bytes

KILOBYTE = 1024


def noise(size: int, seed: int) -> bytes:
    return np.random.default_rng(seed).bytes(size)


def half_dead(store: ArtifactStore, prefix: str = "") -> dict[str, bytes]:
    """Store a large file, and a small part of it as another; delete the large one."""
    content = noise(3_000 * KILOBYTE, 7)
    put(store, f"{prefix}large", content)
    part = content[: 900 * KILOBYTE]
    put(store, f"{prefix}part", part)
    store.delete(f"{prefix}large")
    return {f"{prefix}part": part}


def sweep(store: ArtifactStore) -> None:
    """Do what three days of servers do."""
    for _ in range(3):
        repack(store, grace=-1)
        collect(store, grace=-1)


def test_a_pack_that_is_mostly_unneeded_gives_its_space_back(store: ArtifactStore) -> None:
    files = half_dead(store)
    before = packed_bytes(store)
    [done] = repack(store, grace=-1).packs
    assert done.size > 2_900 * KILOBYTE
    assert done.needed < 1_000 * KILOBYTE
    assert repack(store, grace=-1).packs == ()
    sweep(store)
    assert packed_bytes(store) < 0.4 * before
    for path, content in files.items():
        assert read(store, path) == content
        assert read(store, path, 100_000, 100_007) == content[100_000:100_007]
        # New files build on what was packed anew, not on the pack that is gone.
        assert put(store, "again", content).new_bytes < 100 * KILOBYTE
    assert list(check(store)) == []
    store.delete("part")
    store.delete("again")
    sweep(store)
    assert [each.name for each in store.objects.list("moved")] == []
    assert packed_bytes(store) == 0


def test_a_young_pack_is_left_alone(store: ArtifactStore) -> None:
    half_dead(store)
    assert repack(store).packs == ()


def test_differences_stay_differences_and_new_ones_are_made_to_what_moved(
    store: ArtifactStore,
) -> None:
    first = weights(0, 300_000).tobytes()
    second = trained(first, 1)
    other = weights(5, 900_000).tobytes()
    put(store, "run/other", safetensors({"z": other, "w": first}))
    put(store, "run/1", safetensors({"w": first}))
    put(store, "run/2", safetensors({"w": second}))
    store.delete("run/other")
    sweep(store)
    assert len(list(store.objects.list("moved"))) >= 1
    third = safetensors({"w": trained(second, 2)})
    assert put(store, "run/3", third).new_bytes < 0.7 * len(third)
    assert read(store, "run/2") == safetensors({"w": second})
    assert read(store, "run/3") == third


def test_a_download_under_way_survives_the_removal(store: ArtifactStore) -> None:
    [(path, content)] = half_dead(store).items()
    found = store.open(path)
    assert found is not None
    parts = found.read()
    head = next(parts)
    sweep(store)
    assert b"".join((head, *parts)) == content


def test_an_upload_that_needs_what_was_left_keeps_the_old_pack(store: ArtifactStore) -> None:
    content = noise(3_000 * KILOBYTE, 7)
    half_dead(store)
    racing = store.create("racing")
    racing.write(content)  # finds all chunks in the old pack, also those that no file needs
    assert len(repack(store, grace=-1).packs) == 1
    racing.publish()
    sweep(store)
    assert read(store, "racing") == content
    assert read(store, "part") == content[: 900 * KILOBYTE]
    assert list(check(store)) == []


def test_an_upload_that_is_published_as_the_old_pack_is_condemned_pardons_it(
    store: ArtifactStore,
) -> None:
    content = noise(3_000 * KILOBYTE, 7)
    put(store, "racing", content)
    manifest = store.objects.get("manifests/racing")
    store.delete("racing")
    half_dead(store)
    [old] = repack(store, grace=-1).packs
    collect(store, grace=-1)
    assert store.objects.find(f"condemned/{old.name}")
    store.objects.put("manifests/racing", [manifest])
    assert old.name in collect(store, grace=-1).pardon
    assert read(store, "racing") == content


def test_a_damaged_pack_is_left_where_it_is(store: ArtifactStore, place: Place) -> None:
    half_dead(store)
    name = max(store.objects.list("packs"), key=lambda each: each.size).name
    place.change(name, lambda content: content[:-10])
    done = repack(store, grace=-1)
    assert (done.packs, done.damaged) == ((), (pack.pack_of(name),))
    assert list(store.objects.list("moved")) == []


class Killed(BaseException):
    """As if the process were gone: nobody handles it."""


class Dying(LocalObjects):
    """A place whose process is killed before or after the n-th change."""

    def __init__(self, root: Path, changes: int, *, after: bool) -> None:
        super().__init__(root)
        self._left = changes
        self._after = after

    def draft(self, name: str) -> Draft:
        return GatheredDraft(self, name)

    def put(self, name: str, parts: Iterable[bytes]) -> None:
        self._die(at=False)
        super().put(name, parts)
        self._die(at=True)

    def delete(self, name: str) -> bool:
        self._die(at=False)
        deleted = super().delete(name)
        self._die(at=True)
        return deleted

    def _die(self, *, at: bool) -> None:
        if at == self._after:
            self._left -= 1
            if self._left < 0:
                raise Killed


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_step_no_file_is_lost_and_the_next_time_completes_it(
    tmp_path: Path, after: bool
) -> None:
    step = 0
    while True:
        root = tmp_path / f"store-{step}"
        store = open_local_store(root)
        files = half_dead(store)
        dying = ArtifactStore(Dying(root, step, after=after), ChunkIndex(root / "index.db"))
        try:
            sweep(dying)
            completed = True
        except Killed:
            completed = False
        dying.close()
        for path, content in files.items():
            assert read(store, path) == content
        sweep(store)
        assert packed_bytes(store) < 1_000 * KILOBYTE
        assert list(store.objects.list("condemned")) == []
        assert all(read(store, path) == content for path, content in files.items())
        store.close()
        if completed:
            break
        step += 1
    assert step >= 4


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 5), st.integers(0, 40), st.integers(1, 24)),
        st.tuples(st.just("delete"), st.integers(0, 5)),
        st.tuples(st.sampled_from(["repack", "collect", "reindex", "lose", "kill"])),
    ),
    max_size=25,
)


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_files_come_back_whatever_is_done_in_whatever_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[object, ...]]
) -> None:
    root = tmp_path_factory.mktemp("store")
    material = noise(64 * 100 * KILOBYTE // 2, 3)
    store = open_local_store(root)
    files: dict[str, bytes] = {}
    for step in steps:
        match step:
            case ("put", number, start, length):
                content = material[start * 50 * KILOBYTE :][: length * 50 * KILOBYTE]  # type: ignore[operator]
                put(store, f"d/{number}", content)
                files[f"d/{number}"] = content
            case ("delete", number):
                store.delete(f"d/{number}")
                files.pop(f"d/{number}", None)
            case ("repack",):
                repack(store, grace=-1)
            case ("collect",):
                collect(store, grace=-1)
            case ("reindex",):
                reindex(store)
            case ("lose",):
                store.close()
                for path in root.glob("index.db*"):
                    path.unlink()
                store = open_local_store(root)
            case _:
                dying = ArtifactStore(Dying(root, 1, after=False), ChunkIndex(root / "index.db"))
                try:
                    repack(dying, grace=-1)
                    collect(dying, grace=-1)
                except Killed:
                    pass
                dying.close()
    assert {path: read(store, path) for path in store.paths()} == files
    assert not list(check(store))
    sweep(store)
    needed = read_references(store.objects)
    found = list(store.objects.list("packs"))
    assert plan_repacking(found, set(), needed, 1e12, 0) == ()
    live = sum(int(needed.parts[name]["stored"].sum()) for name in needed.packs)
    assert packed_bytes(store) <= live / NEEDED + 100 * KILOBYTE * len(found)
    assert {path: read(store, path) for path in files} == files
    correct_sizes(store)
    assert store.index.total("d") == (len(files), sum(map(len, files.values())))
    store.close()


def test_a_lost_index_is_made_anew_with_all_that_it_told(
    store: ArtifactStore, place: Place
) -> None:
    contents = [weights(0, 300_000).tobytes()]
    while len(contents) < 4:
        contents.append(trained(contents[-1], len(contents)))
    for number, content in enumerate(contents):
        put(store, f"run/{number}", safetensors({"w": content}))
    half_dead(store, "b/")
    sweep(store)
    digests = [row["hash"].tobytes() for n in range(4) for row in table(store, f"run/{n}")]
    before = {digest: store.index.find(digest) for digest in digests}
    store.close()
    place.lose_index()
    again = place.open()
    assert not again.index.is_complete
    reindex(again)
    assert again.index.is_complete
    assert {digest: again.index.find(digest) for digest in digests} == before
    assert again.index.total("run") == (4, sum(len(safetensors({"w": c})) for c in contents))
    # It finds what a file resembles, and where its chunks are.
    new = safetensors({"w": trained(contents[-1], 9)})
    assert put(again, "run/new", new).new_bytes < 0.7 * len(new)
    assert put(again, "b/again", noise(3_000 * KILOBYTE, 7)[: 900 * KILOBYTE]).new_bytes < 100_000
    again.close()


def table(store: ArtifactStore, path: str) -> "np.ndarray[tuple[int], np.dtype[np.void]]":
    found = store.open(path)
    assert found is not None
    return found.manifest.chunks


def test_sizes_that_a_crash_has_left_wrong_are_corrected(store: ArtifactStore) -> None:
    put(store, "a/b/one", b"12345")
    put(store, "a/two", b"123")
    put(store, "a/two", b"1234")
    assert store.index.total("a") == store.index.total("") == (2, 9)
    assert store.index.total("a/b") == (1, 5)
    store.objects.delete("manifests/a/two")
    store.index.note_file("a/b/one", 99)
    put(store, "c", b"1")
    store.index.note_file("c", None)
    assert correct_sizes(store) == 3
    assert store.index.total("") == (2, 6)
    assert store.index.total("a") == (1, 5)
    store.delete("a")
    assert store.index.total("a") == (0, 0)
    assert correct_sizes(store) == 0


def test_an_index_that_leads_in_circles_is_not_followed_for_ever(store: ArtifactStore) -> None:
    content = noise(400 * KILOBYTE, 1)
    put(store, "a", content)
    rows = table(store, "a")
    one, two = (rows[number]["hash"].tobytes() for number in (0, 1))
    places = [store.index.find(one), store.index.find(two)]
    assert places[0] is not None
    assert places[1] is not None
    store.index.add([(one, replace(places[0], base=two)), (two, replace(places[1], base=one))])
    put(store, "b", content)
    assert read(store, "b") == content


def test_without_room_nothing_is_lost(tmp_path: Path) -> None:
    store = open_local_store(tmp_path / "store")
    files = half_dead(store)

    class Full(LocalObjects):
        def draft(self, name: str) -> Draft:
            return GatheredDraft(self, name)

        def put(self, name: str, parts: Iterable[bytes]) -> None:
            raise ArtifactStoreError("no room")

    full = ArtifactStore(Full(tmp_path / "store"), store.index)
    with pytest.raises(ArtifactStoreError, match="no room"):
        repack(full, grace=-1)
    assert all(read(store, path) == content for path, content in files.items())
    store.close()


def test_another_machine_follows_what_was_packed_anew(store: ArtifactStore, place: Place) -> None:
    other = place.open("another-machine.db")
    [(path, content)] = half_dead(store).items()
    catch_up(other)
    [done] = repack(store, grace=-1).packs
    assert done.name in other.index.packs()
    assert catch_up(other).forgotten == 1
    assert done.name not in other.index.packs()
    assert catch_up(other, files=False) == CatchUp(0, 0, 0)
    for _ in range(2):
        collect(store, grace=-1)
    assert other.objects.find(pack.object_name(done.name)) is None
    assert put(other, "again", content).new_bytes < 100 * KILOBYTE
    assert read(other, path) == read(other, "again") == content
    other.close()


def test_an_index_that_is_made_anew_leaves_out_what_is_about_to_go(
    store: ArtifactStore, place: Place
) -> None:
    [content] = half_dead(store).values()
    put(store, "gone", noise(500 * KILOBYTE, 8))
    store.delete("gone")
    [done] = repack(store, grace=-1).packs
    collect(store, grace=-1)
    condemned = {pack.pack_of(each.name) for each in store.objects.list("condemned")}
    other = place.open("another-machine.db")
    reindex(other)
    assert done.name in condemned
    assert not other.index.packs() & condemned
    assert put(other, "again", content).new_bytes < 100 * KILOBYTE
    other.close()


def test_two_machines_may_pack_the_same_anew(store: ArtifactStore, place: Place) -> None:
    files = half_dead(store)
    other = place.open("another-machine.db")
    catch_up(other)
    packs = list(store.objects.list("packs"))
    needed = read_references(store.objects)
    repack(store, grace=-1)
    # The other one has planned before it could see that.
    [sparse] = plan_repacking(packs, set(), needed, store.objects.now(), -1)
    repacking = _Repacking(other)
    repacking.take(sparse, needed.parts[sparse.name]["offset"])
    repacking.flush()
    put(store, "after", files["part"])
    for each in (store, other, store):
        sweep(each)
        catch_up(each)
    assert packed_bytes(store) < 2_000 * KILOBYTE
    for each in (store, other):
        assert [read(each, path) for path in files] == list(files.values())
        assert read(each, "after") == files["part"]
        assert put(each, f"last-{each is other}", files["part"]).new_bytes < 100 * KILOBYTE
    assert list(check(store)) == []
    other.close()


def test_a_file_can_be_copied_also_when_its_pack_was_packed_anew(store: ArtifactStore) -> None:
    [(path, content)] = half_dead(store).items()
    found = store.open(path)
    assert found is not None
    recipe = found.manifest.recipe
    assert store.size_of(recipe) == len(content)
    repack(store, grace=-1)
    assert store.copy("first", recipe) is not None
    sweep(store)
    # The client sends the hashes then, and the next copy is one of what that has made.
    assert store.copy("second", recipe) is None
    put(store, "second", content)
    assert store.copy("third", recipe) is not None
    sweep(store)
    assert all(read(store, each) == content for each in (path, "first", "second", "third"))
    assert store.index.total("") == (4, 4 * len(content))
    store.delete("third")
    assert store.index.total("") == (3, 3 * len(content))


def test_what_other_machines_store_and_delete_is_counted(
    store: ArtifactStore, place: Place
) -> None:
    other = place.open("another-machine.db")
    put(store, "1/a", b"12345")
    put(store, "1/b", b"123")
    catch_up(other)
    assert other.index.total("1") == (2, 8)
    store.delete("1/a")
    assert correct_sizes(other) == 1
    assert other.index.total("1") == (1, 3)
    other.close()
