"""Places for objects keep what they promise to the artifact store."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.s3 import S3

from headwater.entities.artifact_store_uri import Bucket
from headwater.errors import ArtifactStoreError, MissingObjectError
from headwater.storage.artifacts.local_objects import LocalObjects
from headwater.storage.artifacts.objects import Objects
from headwater.storage.artifacts.s3_objects import S3Objects

LARGE = np.random.default_rng(0).bytes(20_000_000)


@pytest.fixture(params=["directory", "bucket"])
def objects(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Objects:
    if request.param == "directory":
        return LocalObjects(tmp_path)
    s3: S3 = request.getfixturevalue("s3")
    s3.use(monkeypatch)
    return S3Objects(Bucket(s3.create_bucket()))


NAMES = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/"), min_size=1, max_size=12
).filter(lambda name: name not in (".", ".."))


@settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    parts=st.lists(st.binary(max_size=300), max_size=4),
    name=st.lists(NAMES, min_size=1, max_size=4),
    start=st.integers(0, 1_000),
    length=st.integers(0, 1_000),
)
def test_objects_come_back_whole_and_in_part(
    objects: Objects, parts: list[bytes], name: list[str], start: int, length: int
) -> None:
    objects.delete_each([each.name for each in objects.list("top")])
    path, content = "/".join(("top", *name)), b"".join(parts)
    objects.put(path, parts)
    assert objects.get(path) == content
    assert objects.get(path, start) == content[start:]
    assert objects.get(path, start, length) == content[start : start + length]
    found = objects.find(path)
    assert found is not None
    assert (found.name, found.size) == (path, len(content))
    assert [(each.name, each.size) for each in objects.list("top")] == [(path, len(content))]
    assert list(objects.get_each([path, "none"], length)) == [
        (path, content[:length]),
        ("none", None),
    ]
    assert objects.delete(path)
    assert not objects.delete(path)


def test_what_is_not_there_is_none(objects: Objects) -> None:
    for name in ("none", "a/b/c", "é/ü", "x" * 300, "/".join(["y" * 250] * 20)):
        with pytest.raises(MissingObjectError):
            objects.get(name)
        with pytest.raises(MissingObjectError):
            objects.get(name, 5, 5)
        assert objects.find(name) is None
        assert not objects.delete(name)
        assert list(objects.list(name)) == []
        assert objects.list_directory(name).objects == ()
    assert objects.find_each(["x", "y"]) == [None, None]
    objects.delete_each(["x", "y"])
    objects.delete_each([])


def test_directories_are_those_of_the_names(objects: Objects) -> None:
    for name in ("a/b/1", "a/b/2", "a/bc", "a/c d/#%?", "z"):
        objects.put(name, [name.encode()])
    found = objects.list_directory("a")
    assert found.directories == ("a/b", "a/c d")
    assert [each.name for each in found.objects] == ["a/bc"]
    assert sorted(each.name for each in objects.list("a/b")) == ["a/b/1", "a/b/2"]
    assert {"a/c d/#%?", "z"} <= {each.name for each in objects.list("")}
    top = objects.list_directory("")
    assert "a" in top.directories
    assert [each.name for each in top.objects] == ["z"]
    objects.delete_each(["a/b/1", "a/b/2", "none"])
    assert objects.list_directory("a").directories == ("a/c d",)


def test_large_objects_come_in_parts_and_replace_at_once(objects: Objects) -> None:
    objects.put("large", [b"old"])
    seen: list[bytes] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.append(objects.get("large", 0, 8))

    watching = threading.Thread(target=watch)
    watching.start()
    pieces = [LARGE[at : at + 70_000] for at in range(0, len(LARGE), 70_000)]
    objects.put("large", pieces)
    done.set()
    watching.join()
    assert set(seen) <= {b"old", LARGE[:8]}
    assert objects.get("large") == LARGE
    assert objects.get("large", 8_388_600, 20) == LARGE[8_388_600:8_388_620]


def test_the_clock_is_that_of_the_objects(objects: Objects) -> None:
    before = objects.now()
    objects.put("a", [b"x"])
    found = objects.find("a")
    assert found is not None
    # Buckets tell whole seconds.
    assert before - 1 <= found.modified <= objects.now() + 1
    assert abs(objects.now() - time.time()) < 60


def test_an_object_is_in_no_directorys_place(objects: Objects) -> None:
    objects.put("a", [b"x"])
    objects.put("d/e", [b"x"])
    for name in ("a/b", "a/b/c", "d"):
        with pytest.raises(ArtifactStoreError):
            objects.put(name, [b"y"])
    assert sorted(each.name for each in objects.list("d")) == ["d/e"]
    assert objects.get("a") == b"x"


@pytest.mark.parametrize(
    "name", ["", "/a", "a/", "a//b", ".", "a/..", "a/./b", "a\0", "x" * 256, "é" * 128]
)
def test_names_that_are_none_are_refused(objects: Objects, name: str) -> None:
    uses: list[Callable[[], object]] = [lambda: objects.put(name, [b"x"])]
    if len(name) < 100:
        uses += [lambda: objects.get(name), lambda: objects.delete(name)]
    for use in uses:
        with pytest.raises(ArtifactStoreError):
            use()
