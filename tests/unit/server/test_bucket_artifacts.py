"""Artifacts over HTTP in a bucket: beside plain objects, and when the bucket is away."""

import asyncio
import os
import sys
import time
import traceback
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from tests.asgi import Echo, call
from tests.faults.proxy import Proxy
from tests.s3 import S3, SECRET

from headwater.errors import ConfigurationError
from headwater.server.artifacts import ArtifactRoutes
from headwater.server.run import require_place
from headwater.storage.artifacts.collect import collect
from headwater.storage.artifacts.open_uri import open_uri
from headwater.storage.artifacts.overlay import STORE_DIRECTORY, Artifacts

ROUTE = "/api/2.0/mlflow-artifacts/artifacts"
CONTENT = np.random.default_rng(0).bytes(3_000_000)


@pytest.fixture
def bucket(s3: S3, monkeypatch: pytest.MonkeyPatch) -> str:
    s3.use(monkeypatch)
    return s3.create_bucket()


@pytest.fixture
def artifacts(bucket: str, tmp_path: Path) -> Iterator[Artifacts]:
    opened = open_uri(f"headwater-cas+s3://{bucket}/ml/artifacts", tmp_path / "index")
    yield opened
    opened.close()


def client_of(artifacts: Artifacts) -> httpx.AsyncClient:
    routes = ArtifactRoutes(artifacts, "", Echo(), empty_put=True)
    return httpx.AsyncClient(transport=httpx.ASGITransport(routes), base_url="http://localhost")


@pytest.fixture
async def client(artifacts: Artifacts) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(artifacts) as opened:
        yield opened


async def test_files_go_to_the_bucket_and_come_back(
    client: httpx.AsyncClient, s3: S3, bucket: str, tmp_path: Path
) -> None:
    assert (await client.put(f"{ROUTE}/1/w.bin", content=CONTENT)).status_code == 200
    answer = await client.get(f"{ROUTE}/1/w.bin")
    assert answer.content == CONTENT
    part = await client.get(f"{ROUTE}/1/w.bin", headers={"range": "bytes=2999990-"})
    assert (part.status_code, part.content) == (206, CONTENT[-10:])
    listed = (await client.get(ROUTE, params={"path": "1"})).json()
    assert listed == {"files": [{"path": "w.bin", "is_dir": False, "file_size": len(CONTENT)}]}
    keys = [each["Key"] for each in s3.client().list_objects_v2(Bucket=bucket)["Contents"]]
    assert all(key.startswith(f"ml/artifacts/{STORE_DIRECTORY}/") for key in keys)
    # On this machine there is nothing but the index.
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} <= {
        ".db",
        ".db-shm",
        ".db-wal",
    }
    refused = await client.put(f"{ROUTE}/1", content=b"x")
    assert (refused.status_code, refused.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    refused = await client.put(f"{ROUTE}/1/w.bin/x", content=b"x")
    assert (refused.status_code, "'1/w.bin' is a file" in refused.text) == (400, True)
    assert (await client.delete(f"{ROUTE}/1")).status_code == 200
    assert (await client.get(ROUTE)).json() == {}


async def test_plain_objects_of_the_prefix_are_there_as_well(
    client: httpx.AsyncClient, s3: S3, bucket: str
) -> None:
    for key, content in {
        "ml/artifacts/old/model/w.bin": CONTENT,
        "ml/artifacts/old/a.txt": b"plain",
        "ml/artifacts/old/folder/": b"",
        "ml/artifacts/old/b #1%20.txt": b"odd",
        "ml/artifacts-of-others/x": b"not ours",
        "top": b"not ours",
    }.items():
        s3.client().put_object(Bucket=bucket, Key=key, Body=content)
    await client.put(f"{ROUTE}/old/b.txt", content=b"stored")
    await client.put(f"{ROUTE}/old/a.txt", content=b"replaced")
    listed = (await client.get(ROUTE, params={"path": "old"})).json()["files"]
    assert [(each["path"], each.get("file_size")) for each in listed] == [
        ("a.txt", 8),
        ("b #1%20.txt", 3),
        ("b.txt", 6),
        ("folder", None),
        ("model", None),
    ]
    assert (await client.get(f"{ROUTE}/old/a.txt")).content == b"replaced"
    part = await client.get(f"{ROUTE}/old/model/w.bin", headers={"range": "bytes=9-2000000"})
    assert part.content == CONTENT[9:2_000_001]
    tag = part.headers["etag"]
    same = await client.get(f"{ROUTE}/old/model/w.bin", headers={"if-none-match": tag})
    assert same.status_code == 304
    assert [each["path"] for each in (await client.get(ROUTE)).json()["files"]] == ["old"]
    for path in (f"{STORE_DIRECTORY}/manifests/old/a.txt", "../artifacts-of-others/x"):
        assert (await client.get(f"{ROUTE}/{path}")).status_code == 299
    # Of a folder that a console has made, this is all there is; it is not ours to delete.
    s3.client().delete_object(Bucket=bucket, Key="ml/artifacts/old/folder/")
    assert (await client.delete(f"{ROUTE}/old")).status_code == 200
    assert (await client.get(ROUTE)).json() == {}
    left = [each["Key"] for each in s3.client().list_objects_v2(Bucket=bucket)["Contents"]]
    assert {key for key in left if STORE_DIRECTORY not in key} == {
        "ml/artifacts-of-others/x",
        "top",
    }


def test_a_collection_goes_by_the_buckets_clock(
    artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = artifacts.create("a")
    writer.write(CONTENT)
    writer.publish()
    artifacts.delete("a")
    in_a_year = time.time() + 365 * 86400
    monkeypatch.setattr(time, "time", lambda: in_a_year)
    assert collect(artifacts.store, grace=3600).condemn == ()
    assert len(collect(artifacts.store, grace=-1).condemn) == 1


async def test_a_bucket_that_is_away_is_named_and_comes_back(
    s3: S3, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy(s3.port) as proxy:
        s3.use(monkeypatch, f"http://127.0.0.1:{proxy.port}")
        artifacts = open_uri(f"headwater-cas+s3://{bucket}", tmp_path)
        async with client_of(artifacts) as client:
            await client.put(f"{ROUTE}/a", content=b"before")
            proxy.refuse()
            answers = [
                await client.put(f"{ROUTE}/b", content=CONTENT),
                await client.get(f"{ROUTE}/a"),
                await client.get(ROUTE),
                await client.delete(f"{ROUTE}/a"),
            ]
            require_place(artifacts.store)  # it may come back
            proxy.accept()
            for answer in answers:
                told = answer.json()
                assert (answer.status_code, told["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
                assert bucket in told["message"]
                assert SECRET not in told["message"]
            assert (await client.get(f"{ROUTE}/a")).content == b"before"
            await client.put(f"{ROUTE}/b", content=CONTENT)
            assert (await client.get(f"{ROUTE}/b")).content == CONTENT
        artifacts.close()


async def test_single_failures_are_tried_again(
    s3: S3, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy(s3.port) as proxy:
        s3.use(monkeypatch, f"http://127.0.0.1:{proxy.port}")
        artifacts = open_uri(f"headwater-cas+s3://{bucket}", tmp_path)
        async with client_of(artifacts) as client:
            proxy.answer(every=3)
            for name in "abc":
                assert (await client.put(f"{ROUTE}/{name}", content=CONTENT)).status_code == 200
                assert (await client.get(f"{ROUTE}/{name}")).content == CONTENT
            assert proxy.turned_away > 3
        artifacts.close()


async def test_what_is_read_is_asked_for_ahead_and_not_any_more_once_the_client_has_gone(
    s3: S3, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = np.random.default_rng(5).bytes(24 * 1024 * 1024)
    with Proxy(s3.port) as proxy:
        s3.use(monkeypatch, f"http://127.0.0.1:{proxy.port}")
        artifacts = open_uri(f"headwater-cas+s3://{bucket}", tmp_path)
        async with client_of(artifacts) as client:
            await client.put(f"{ROUTE}/w", content=content)
            proxy.delay(0.03)
            assert (await client.get(f"{ROUTE}/w")).content == content
            assert 3 <= proxy.most_at_once <= 1 + artifacts.store.objects.reads_ahead
            # The manifest, and windows of 2 MiB: each byte once.
            assert proxy.delays <= 1 + 13
            proxy.delay(0.03)
            part = await client.get(f"{ROUTE}/w", headers={"range": "bytes=9000000-9000009"})
            assert part.content == content[9_000_000:9_000_010]
            assert proxy.delays == 2
        proxy.delay(0.03)
        leaving = asyncio.Event()
        leaving.set()
        routes = ArtifactRoutes(artifacts, "", Echo(), empty_put=True)
        answer = await call(routes, "GET", f"{ROUTE}/w", leaving=leaving)
        assert len(answer.body) < len(content) // 2
        assert proxy.delays <= 1 + 2 + artifacts.store.objects.reads_ahead
        artifacts.close()


async def test_what_a_bucket_quotes_of_credentials_is_told_to_nobody(
    s3: S3,
    bucket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    body = (
        "<Error><Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>tester</AWSAccessKeyId>"
        f"<StringToSign>{SECRET}</StringToSign></Error>"
    )
    refusal = f"HTTP/1.1 403 Forbidden\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    with Proxy(s3.port) as proxy:
        s3.use(monkeypatch, f"http://127.0.0.1:{proxy.port}")
        artifacts = open_uri(f"headwater-cas+s3://{bucket}", tmp_path)
        proxy.answer(refusal.encode())
        async with client_of(artifacts) as client:
            for answer in (
                await client.put(f"{ROUTE}/a", content=b"x"),
                await client.get(ROUTE),
                await client.get(f"{ROUTE}/a"),
            ):
                told = answer.json()
                assert (answer.status_code, told["error_code"]) == (500, "INTERNAL_ERROR")
                assert f"'{bucket}' refuses" in told["message"]
                for text in (told["message"], caplog.text):
                    assert SECRET not in text
                    assert "tester" not in text
        with pytest.raises(ConfigurationError, match="SignatureDoesNotMatch") as raised:
            require_place(artifacts.store)
        cause = "".join(traceback.format_exception(raised.value))
        assert SECRET not in cause
        artifacts.close()


def test_a_machine_without_credentials_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if name.startswith(("AWS_", "MLFLOW_S3_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_PROFILE", "none")
    with pytest.raises(ConfigurationError, match="none"):
        open_uri("headwater-cas+s3://some-bucket", tmp_path)


async def test_a_bucket_that_is_none_is_told(
    s3: S3, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts = open_uri("headwater-cas+s3://no-such-bucket/x", tmp_path)
    async with client_of(artifacts) as client:
        for answer in (
            await client.put(f"{ROUTE}/a", content=b"x"),
            await client.get(ROUTE),
            await client.get(f"{ROUTE}/a"),
        ):
            assert (answer.status_code, answer.json()["error_code"]) == (500, "INTERNAL_ERROR")
            assert "'no-such-bucket' does not exist" in answer.json()["message"]
    with pytest.raises(ConfigurationError, match="no-such-bucket"):
        require_place(artifacts.store)
    artifacts.close()


def test_without_obstore_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "headwater.storage.artifacts.s3_objects", raising=False)
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'headwater\[s3\]'"):
        open_uri("headwater-cas+s3://some-bucket", tmp_path)
