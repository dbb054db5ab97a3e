"""Artifacts over HTTP beyond MLflow: parts, tags, and what goes wrong on the way."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import zstandard
from blake3 import blake3
from starlette.types import Receive, Scope, Send
from tests.asgi import Echo, call

from headwater.errors import ArtifactStoreError, StoreFullError
from headwater.server.artifacts import ArtifactRoutes, content_disposition
from headwater.storage.artifacts.local_objects import LocalObjects
from headwater.storage.artifacts.overlay import (
    STORE_DIRECTORY,
    Artifacts,
    media_type,
    open_directory,
)
from headwater.wire.artifact_file import (
    ROW,
    Described,
    encode_content,
    encode_opening,
    recipe_of,
)

ROUTE = "/api/2.0/mlflow-artifacts/artifacts"
CONTENT = np.random.default_rng(0).bytes(5_000_000)


@pytest.fixture
def artifacts(tmp_path: Path) -> Iterator[Artifacts]:
    opened = open_directory(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def upstream() -> Echo:
    return Echo()


@pytest.fixture
async def client(artifacts: Artifacts, upstream: Echo) -> AsyncIterator[httpx.AsyncClient]:
    routes = ArtifactRoutes(artifacts, "", upstream, empty_put=True)
    transport = httpx.ASGITransport(routes)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as opened:
        yield opened


async def pieces(content: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for first in range(0, len(content), size):
        yield content[first : first + size]


async def test_a_stream_is_stored_and_streamed_back(
    client: httpx.AsyncClient, artifacts: Artifacts, tmp_path: Path
) -> None:
    assert (await client.put(f"{ROUTE}/a/w.bin", content=pieces(CONTENT))).status_code == 200
    answer = await client.get(f"{ROUTE}/a/w.bin")
    assert answer.content == CONTENT
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert not (tmp_path / "a").exists()
    listed = (await client.get(ROUTE, params={"path": "a"})).json()
    assert listed == {"files": [{"path": "w.bin", "is_dir": False, "file_size": len(CONTENT)}]}


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=4999990-", 4_999_990, 5_000_000),
        ("bytes=-7", 4_999_993, 5_000_000),
        ("bytes=300000-2900000", 300_000, 2_900_001),
        ("bytes=10-99999999999", 10, 5_000_000),
    ],
)
async def test_a_part_may_be_asked_for(
    client: httpx.AsyncClient, wanted: str, start: int, end: int
) -> None:
    await client.put(f"{ROUTE}/w.bin", content=CONTENT)
    answer = await client.get(f"{ROUTE}/w.bin", headers={"range": wanted})
    assert (answer.status_code, answer.content) == (206, CONTENT[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"


async def test_parts_that_are_none_are_told_and_others_are_the_whole(
    client: httpx.AsyncClient,
) -> None:
    await client.put(f"{ROUTE}/w.bin", content=b"0123456789")
    for wanted in ("bytes=10-", "bytes=5-3", "bytes=-0"):
        answer = await client.get(f"{ROUTE}/w.bin", headers={"range": wanted})
        assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */10")
    for wanted in ("bytes=0-1,4-5", "lines=1-2", "bytes=-", "bytes=0-9"):
        answer = await client.get(f"{ROUTE}/w.bin", headers={"range": wanted})
        assert (answer.status_code, answer.content) == (200, b"0123456789")


async def test_the_tag_tells_whether_the_content_is_the_same(client: httpx.AsyncClient) -> None:
    await client.put(f"{ROUTE}/w.bin", content=b"one")
    tag = (await client.get(f"{ROUTE}/w.bin")).headers["etag"]
    again = await client.get(f"{ROUTE}/w.bin", headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    await client.put(f"{ROUTE}/w.bin", content=b"two")
    assert (await client.get(f"{ROUTE}/w.bin", headers={"if-none-match": tag})).content == b"two"
    part = {"if-range": tag, "range": "bytes=0-0"}
    assert (await client.get(f"{ROUTE}/w.bin", headers=part)).content == b"two"
    await client.put(f"{ROUTE}/other.bin", content=b"one")
    assert (await client.get(f"{ROUTE}/other.bin")).headers["etag"] == tag


async def test_plain_files_of_the_directory_are_there_as_well(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    (tmp_path / "old" / "model").mkdir(parents=True)
    (tmp_path / "old" / "model" / "w.bin").write_bytes(CONTENT)
    (tmp_path / "old" / "a.txt").write_text("plain")
    await client.put(f"{ROUTE}/old/b.txt", content=b"stored")
    await client.put(f"{ROUTE}/old/a.txt", content=b"replaced")
    listed = (await client.get(ROUTE, params={"path": "old"})).json()["files"]
    assert [(each["path"], each.get("file_size")) for each in listed] == [
        ("a.txt", 8),
        ("b.txt", 6),
        ("model", None),
    ]
    assert (await client.get(f"{ROUTE}/old/a.txt")).content == b"replaced"
    part = await client.get(f"{ROUTE}/old/model/w.bin", headers={"range": "bytes=9-2000000"})
    assert part.content == CONTENT[9:2_000_001]
    assert [each["path"] for each in (await client.get(ROUTE)).json()["files"]] == ["old"]
    assert (await client.delete(f"{ROUTE}/old")).status_code == 200
    assert not (tmp_path / "old").exists()


async def test_links_out_of_the_directory_are_not_followed(
    client: httpx.AsyncClient, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.txt"
    secret.write_text("secret")
    (tmp_path / "link").symlink_to(secret.parent)
    (tmp_path / "file.txt").symlink_to(secret)
    for path in ("link/secret.txt", "file.txt"):
        assert (await client.get(f"{ROUTE}/{path}")).status_code == 299  # MLflow's to refuse
    assert (await client.delete(f"{ROUTE}/link")).status_code == 299
    assert secret.exists()


async def test_the_store_itself_is_no_artifact(client: httpx.AsyncClient, upstream: Echo) -> None:
    await client.put(f"{ROUTE}/w.bin", content=b"x")
    path = f"{ROUTE}/{STORE_DIRECTORY}/manifests/w.bin"
    assert (await client.get(path)).status_code == 299
    assert (await client.put(path, content=b"y")).status_code == 299
    assert [each["path"] for each in (await client.get(ROUTE)).json()["files"]] == ["w.bin"]


async def test_a_client_that_goes_away_leaves_nothing(artifacts: Artifacts, upstream: Echo) -> None:
    routes = ArtifactRoutes(artifacts, "", upstream, empty_put=True)
    await call(routes, "PUT", f"{ROUTE}/w.bin", chunks=[CONTENT[:3_000_000]], disconnects=True)
    assert list(artifacts.store.paths()) == []


async def test_a_full_disk_is_told_and_the_old_file_stays(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.put(f"{ROUTE}/w.bin", content=b"old")

    def full(*_: object) -> None:
        raise StoreFullError("no room is left for w.bin")

    with monkeypatch.context() as patched:
        patched.setattr(LocalObjects, "put", full)
        answer = await client.put(f"{ROUTE}/w.bin", content=CONTENT)
    assert answer.status_code == 507
    assert "disk is full" in answer.json()["message"]
    assert (await client.get(f"{ROUTE}/w.bin")).content == b"old"


async def test_damage_ends_the_answer_instead_of_going_out(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    await client.put(f"{ROUTE}/w.bin", content=CONTENT)
    [pack] = [path for path in (tmp_path / STORE_DIRECTORY / "packs").rglob("*") if path.is_file()]
    damaged = bytearray(pack.read_bytes())
    damaged[-200_000] ^= 1
    pack.write_bytes(damaged)
    with pytest.raises(ArtifactStoreError, match=r"w.bin: chunk \d+ is not what was stored"):
        await client.get(f"{ROUTE}/w.bin")
    damaged[1_000] ^= 1
    pack.write_bytes(damaged)
    answer = await client.get(f"{ROUTE}/w.bin")
    assert (answer.status_code, answer.json()["error_code"]) == (500, "INTERNAL_ERROR")


async def test_what_is_unusual_is_mlflows_to_answer(
    client: httpx.AsyncClient, upstream: Echo
) -> None:
    for method, path in (
        ("GET", "missing.txt"),
        ("HEAD", "x"),
        ("PUT", "a/%2e%2e/b"),
        ("PUT", "%252e"),
        ("PUT", "a%23b"),
        ("POST", "x"),
        ("DELETE", "missing"),
    ):
        answer = await client.request(method, f"{ROUTE}/{path}", content=b"body")
        assert answer.status_code == 299
    assert {body for _, _, body in upstream.requests} <= {b"body"}


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("x" * 300, "255 bytes"),
        ("a/" + "y" * 256 + "/b", "255"),
        ("d", "directory"),
        ("f/g", "file"),
    ],
)
async def test_paths_that_no_file_can_have_are_refused(
    client: httpx.AsyncClient, path: str, named: str
) -> None:
    await client.put(f"{ROUTE}/d/e", content=b"x")
    await client.put(f"{ROUTE}/f", content=b"x")
    answers = [
        await client.put(f"{ROUTE}/{path}", content=b"x"),
        await client.put(f"{OWN}/file", params={"path": path}, content=cut(b"x")),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert named in answer.json()["message"]
    assert (await client.get(f"{ROUTE}/{'x' * 300}")).status_code == 299


def test_names_in_headers_are_ascii() -> None:
    assert content_disposition("a b.txt") == 'attachment; filename="a b.txt"'
    assert content_disposition("日本") == (
        "attachment; filename=download; filename*=UTF-8''%E6%97%A5%E6%9C%AC"
    )
    assert media_type("a/MLmodel") == media_type("x.yaml") == "text/plain"
    assert media_type("w.safetensors") == "application/octet-stream"


async def test_the_rest_of_a_scope_is_left_alone(artifacts: Artifacts) -> None:
    seen: list[Scope] = []

    async def upstream(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await Echo()(scope, receive, send)

    routes = ArtifactRoutes(artifacts, "/prefix", upstream, empty_put=False)
    assert routes.holds(f"/prefix{ROUTE}/x")
    assert not routes.holds(f"{ROUTE}/x")
    answer = await call(routes, "GET", f"/prefix{ROUTE}/none")
    assert answer.status == 299
    assert seen[0]["path"] == f"/prefix{ROUTE}/none"
    stored = await call(routes, "PUT", f"/prefix{ROUTE}/x", chunks=[b"y"])
    assert (stored.status, stored.body) == (200, b"{}")


OWN = "/api/2.0/headwater/artifacts"


def cut(
    *chunks: bytes,
    follows: bool = True,
    tensors: Any = (),
    digest: str = "0" * 64,
    start: int = 0,
    whole: int = 0,
) -> bytes:
    """Return a file as clients with Headwater send it."""
    rows = np.zeros(len(chunks), ROW)
    hashes = b"".join(blake3(chunk).digest() for chunk in chunks)
    rows["hash"] = np.frombuffer(hashes, "V32")
    rows["length"] = [len(chunk) for chunk in chunks]
    rows["tensor"] = -1
    rows["follows"] = follows
    size = sum(map(len, chunks))
    described = Described(size, digest, len(chunks), list(tensors), start, whole)
    sent = [encode_content(zstandard.compress(chunk)) for chunk in chunks] if follows else []
    return encode_opening(described, rows) + b"".join(sent)


async def test_a_cut_file_is_stored_without_what_is_there(client: httpx.AsyncClient) -> None:
    chunks = [CONTENT[:100_000], CONTENT[100_000:150_000]]
    hashes = b"".join(blake3(chunk).digest() for chunk in chunks)
    missing = await client.post(f"{OWN}/missing", content=hashes)
    assert missing.json() == {"missing": [0, 1]}
    digest = blake3(CONTENT[:150_000]).hexdigest()
    path = {"path": "a/w.bin"}
    stored = await client.put(f"{OWN}/file", params=path, content=cut(*chunks, digest=digest))
    assert stored.json()["size"] == 150_000
    assert stored.json()["new_bytes"] > 150_000
    assert (await client.post(f"{OWN}/missing", content=hashes)).json() == {"missing": []}
    again = cut(*chunks, follows=False, digest=digest)
    stored = await client.put(f"{OWN}/file", params={"path": "b.bin"}, content=again)
    assert stored.json()["new_bytes"] == 0
    assert (await client.get(f"{ROUTE}/b.bin")).content == CONTENT[:150_000]
    found = await client.get(f"{OWN}/file", params=path)
    assert found.json() == {"size": 150_000, "digest": digest}


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        (b"", 400, "cut off"),
        (b"HWAF", 400, "cut off"),
        (b"XXXX" + bytes(5), 400, "no cut file"),
        (cut(b"one")[:-3], 400, "cut off"),
        (cut(b"one").replace(zstandard.compress(b"one"), zstandard.compress(b"two")), 400, "hash"),
        (cut(b"one").replace(b"\x28\xb5\x2f\xfd", b"none"), 400, "decompressed"),
        (cut(b"one", digest="00"), 400, "digest"),
        (cut(b"one", follows=False), 409, "ask again"),
        (cut(b"one").replace(b'"size":3', b'"size":4'), 400, "size"),
        (cut(b"x" * 1_100_000), 400, "chunk has more"),
    ],
)
async def test_a_file_that_is_cut_wrongly_is_refused_and_nothing_is_there(
    client: httpx.AsyncClient, body: bytes, status: int, named: str
) -> None:
    answer = await client.put(f"{OWN}/file", params={"path": "w.bin"}, content=body)
    assert answer.status_code == status
    assert named in answer.json()["message"]
    missing = await client.get(f"{OWN}/file", params={"path": "w.bin"})
    assert missing.status_code == 404


async def test_a_part_is_kept_and_is_no_file_yet(client: httpx.AsyncClient) -> None:
    chunks = [CONTENT[200_000:300_000], CONTENT[300_000:350_000]]
    for number, chunk in enumerate(chunks):
        part = cut(chunk, start=100_000 * number)
        kept = await client.put(f"{OWN}/part", params={"path": "p/w.bin"}, content=part)
        assert (kept.status_code, kept.json()) == (200, {})
    assert (await client.get(f"{OWN}/file", params={"path": "p/w.bin"})).status_code == 404
    assert (await client.get(ROUTE, params={"path": "p"})).json() == {}
    digest = blake3(b"".join(chunks)).hexdigest()
    whole = cut(*chunks, follows=False, digest=digest)
    stored = await client.put(f"{OWN}/file", params={"path": "p/w.bin"}, content=whole)
    assert stored.json()["new_bytes"] == 0
    assert (await client.get(f"{ROUTE}/p/w.bin")).content == b"".join(chunks)


async def test_a_file_is_copied_by_its_chunks_and_by_nothing_else(
    client: httpx.AsyncClient,
) -> None:
    chunks = [CONTENT[:290_000], CONTENT[290_000:300_001]]
    claimed = blake3(b"another file").hexdigest()
    stored = await client.put(
        f"{OWN}/file", params={"path": "c/w.bin"}, content=cut(*chunks, digest=claimed)
    )
    assert stored.status_code == 200
    asked = await client.get(f"{OWN}/copy", params={"size": "300001"})
    assert asked.json() == {"lengths": [[290_000, 10_001]]}
    hashes = b"".join(blake3(chunk).digest() for chunk in chunks)
    recipe = recipe_of(hashes, np.array([290_000, 10_001])).hex()
    for other in (claimed, blake3(hashes).hexdigest()):
        params = {"path": "c/copy.bin", "recipe": other}
        assert (await client.post(f"{OWN}/copy", params=params)).status_code == 404
    params = {"path": "c/copy.bin", "recipe": recipe}
    copied = await client.post(f"{OWN}/copy", params=params)
    assert copied.json() == {"size": 300_001, "new_bytes": 0}
    assert (await client.get(f"{ROUTE}/c/copy.bin")).content == CONTENT[:300_001]
    for path in ("c/w.bin", "c/copy.bin"):
        assert (await client.delete(f"{ROUTE}/{path}")).status_code == 200
    assert (await client.post(f"{OWN}/copy", params=params)).status_code == 404
    assert (await client.get(f"{OWN}/copy", params={"size": "300001"})).json() == {"lengths": []}


@pytest.mark.parametrize(
    ("method", "verb"),
    [
        ("PUT", "part?path=../x"),
        ("PUT", "part?path=x&base=../y"),
        ("PUT", "file?path=x&base=.headwater-store/manifests/y"),
        ("POST", "copy?path=x&recipe=00"),
        ("POST", "copy?path=x&recipe=zz"),
        ("POST", f"copy?path=../x&recipe={'0' * 64}"),
        ("GET", "copy?size=-1"),
        ("GET", "copy?size=" + "9" * 30),
        ("GET", "copy"),
    ],
)
async def test_parameters_that_cannot_be_used_are_refused(
    client: httpx.AsyncClient, method: str, verb: str
) -> None:
    answer = await client.request(method, f"{OWN}/{verb}", content=cut(b"x"))
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


async def test_a_part_that_begins_before_its_file_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.put(f"{OWN}/part", params={"path": "x"}, content=cut(b"x", start=-1))
    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["", "../x", "a//b", ".headwater-store/manifests/x", "a/./b"])
async def test_paths_that_lead_elsewhere_are_refused(client: httpx.AsyncClient, path: str) -> None:
    for method, body in (("PUT", cut(b"x")), ("GET", b"")):
        answer = await client.request(method, f"{OWN}/file", params={"path": path}, content=body)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


async def test_questions_that_cannot_be_answered_are_refused(client: httpx.AsyncClient) -> None:
    assert (await client.post(f"{OWN}/missing", content=b"x" * 33)).status_code == 400
    assert (await client.post(f"{OWN}/missing", content=bytes(32 * 100_001))).status_code == 400
    assert (await client.get(f"{OWN}/other")).status_code == 404


def test_a_plain_file_that_cannot_be_deleted_is_told(
    artifacts: Artifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a").write_bytes(b"x")

    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path == tmp_path / "plain" / "a":
            raise PermissionError(13, "Permission denied")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    for path in ("plain", "plain/a"):
        with pytest.raises(ArtifactStoreError, match=f"{path} cannot be deleted: Permission"):
            artifacts.delete(path)


def test_links_among_plain_files_are_deleted_and_not_what_they_lead_to(
    artifacts: Artifacts, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").write_bytes(b"x")
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "link").symlink_to(tmp_path / "elsewhere")
    assert artifacts.delete("plain") == 1
    assert not (tmp_path / "plain").exists()
    assert (tmp_path / "elsewhere" / "kept").exists()
