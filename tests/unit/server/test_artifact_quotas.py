"""Uploads are let in as far as limits allow, by either route, and also when they come together."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from tests.asgi import Echo
from tests.unit.server.test_artifacts import OWN, ROUTE, cut, pieces

from headwater.errors import QuotaExceededError
from headwater.mlflow_release import installed_release
from headwater.server.artifact_quotas import QuotaGuard
from headwater.server.artifacts import ArtifactRoutes
from headwater.storage.artifacts.overlay import Artifacts, open_directory
from headwater.storage.artifacts.usage import packed_bytes
from headwater.storage.metadata.prepare import create
from headwater.storage.metadata.sqlite import SqliteDatabase
from headwater.storage.metrics.sqlite import SqliteMetricEngine
from headwater.tracking.service import TrackingService
from headwater.tracking.set_quota import set_experiment_quota, set_project_quota

CONTENT = np.random.default_rng(0).bytes(300_000)


@pytest.fixture
def artifacts(tmp_path: Path) -> Iterator[Artifacts]:
    opened = open_directory(tmp_path / "artifacts")
    yield opened
    opened.close()


@pytest.fixture
def service(tmp_path: Path, artifacts: Artifacts) -> Iterator[TrackingService]:
    release = installed_release()
    create(tmp_path / "mlflow.db", release, "mlflow-artifacts:/")
    database = SqliteDatabase(tmp_path / "mlflow.db")
    yield TrackingService(
        database,
        SqliteMetricEngine(),
        "mlflow-artifacts:/",
        release.behaviour,
        artifacts=artifacts.store,
    )
    database.close()


@pytest.fixture
async def client(
    artifacts: Artifacts, service: TrackingService
) -> AsyncIterator[httpx.AsyncClient]:
    async def passed() -> TrackingService:
        return service

    clock = iter(range(0, 10**6, 10))
    guard = QuotaGuard(artifacts.store, passed, lambda: float(next(clock)))
    routes = ArtifactRoutes(artifacts, "", Echo(), empty_put=False, quotas=guard)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(routes), base_url="http://localhost"
    ) as opened:
        yield opened


async def test_no_route_leads_past_a_limit(
    client: httpx.AsyncClient, service: TrackingService, artifacts: Artifacts
) -> None:
    await set_experiment_quota(service, 0, 700_000)
    for name in "ab":
        assert (await client.put(f"{ROUTE}/0/{name}", content=CONTENT)).status_code == 200
    chunks = f"{OWN}/file"
    answers = [
        await client.put(f"{ROUTE}/0/c", content=CONTENT),
        await client.put(f"{ROUTE}/0/c", content=pieces(CONTENT, 50_000)),
        await client.put(f"{ROUTE}/0/odd%20name%25", content=CONTENT),
        await client.put(f"{ROUTE}/0/c", content=CONTENT, params={"x": "1"}),
        await client.put(chunks, params={"path": "0/c"}, content=cut(CONTENT)),
    ]
    for answer in answers:
        assert answer.status_code == 413, answer.text
        assert answer.json()["error_code"] == "QUOTA_EXCEEDED"
        assert "experiment 'Default'" in answer.json()["message"]
        assert "headwater experiments quota 0 SIZE" in answer.json()["message"]
    assert artifacts.open("0/c") is None
    # What takes the place of another file, or lies elsewhere, is allowed, and deleting helps.
    assert (await client.put(f"{ROUTE}/0/a", content=CONTENT[1:])).status_code == 200
    assert (await client.put(f"{ROUTE}/1/c", content=CONTENT)).status_code == 200
    await client.delete(f"{ROUTE}/0/a")
    assert (await client.put(f"{ROUTE}/0/c", content=pieces(CONTENT))).status_code == 200
    await client.delete(f"{ROUTE}/0/c")
    answer = await client.put(chunks, params={"path": "0/c"}, content=cut(CONTENT))
    assert answer.status_code == 200, answer.text


async def test_parts_and_copies_keep_to_limits(
    client: httpx.AsyncClient, service: TrackingService, artifacts: Artifacts
) -> None:
    await set_experiment_quota(service, 0, 500_000)
    assert (await client.put(f"{ROUTE}/1/w", content=CONTENT)).status_code == 200
    found = artifacts.store.open("1/w")
    assert found is not None
    recipe = found.manifest.recipe.hex()
    before = packed_bytes(artifacts.store)
    # The whole of a file counts from its first part on, and a part by where it ends.
    half = CONTENT[:100_000]
    for part in (cut(half, whole=500_001), cut(half, start=400_001), cut(CONTENT, start=300_000)):
        told = await client.put(f"{OWN}/part", params={"path": "0/p"}, content=part)
        assert (told.status_code, told.json()["error_code"]) == (413, "QUOTA_EXCEEDED")
    assert packed_bytes(artifacts.store) == before
    kept = await client.put(f"{OWN}/part", params={"path": "0/p"}, content=cut(half, whole=500_000))
    assert kept.status_code == 200, kept.text
    assert artifacts.store.index.total("0") == (0, 0)  # nothing is there yet
    for name, status in (("a", 200), ("a", 200), ("b", 413)):
        params = {"path": f"0/{name}", "recipe": recipe}
        copied = await client.post(f"{OWN}/copy", params=params)
        assert copied.status_code == status, copied.text
    assert artifacts.store.index.total("0") == (1, len(CONTENT))
    assert artifacts.open("0/b") is None
    # What is assembled of chunks that are all there is no less a file.
    params = {"path": "0/c"}
    told = await client.put(f"{OWN}/file", params=params, content=cut(CONTENT, follows=False))
    assert told.status_code == 413


async def test_parts_that_come_together_are_one_file(
    service: TrackingService, artifacts: Artifacts
) -> None:
    await set_experiment_quota(service, 0, 500_000)

    async def passed() -> TrackingService:
        return service

    guard = QuotaGuard(artifacts.store, passed)
    with (
        await guard.admit("0/p", 400_000),
        await guard.admit("0/p", 400_000),
        await guard.admit("0/q", 100_000),
    ):
        with pytest.raises(QuotaExceededError):
            await guard.admit("0/r", 1)
        with pytest.raises(QuotaExceededError):
            await guard.admit("0/p", 400_001)
    with await guard.admit("0/r", 500_000):
        pass


async def test_files_that_come_together_count_together(
    client: httpx.AsyncClient, service: TrackingService, artifacts: Artifacts
) -> None:
    await set_project_quota(service, "", 1_000_000)
    answers = await asyncio.gather(
        *(client.put(f"{ROUTE}/{n}/w", content=pieces(CONTENT)) for n in range(6)),
        *(client.put(f"{ROUTE}/{n}/v", content=CONTENT) for n in range(6)),
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert set(statuses) == {200, 413}
    assert 300_000 <= artifacts.store.index.total("")[1] <= 1_000_000
    assert (await client.put(f"{ROUTE}/9/small", content=b"x")).status_code == 200


async def test_a_tag_that_is_no_size_is_told(
    client: httpx.AsyncClient, service: TrackingService
) -> None:
    await service.database.write(
        lambda c: c.execute(
            "INSERT INTO experiment_tags (key, value, experiment_id)"
            " VALUES ('headwater.artifact_quota', 'lots', 0)"
        )
    )
    answer = await client.put(f"{ROUTE}/0/c", content=b"x")
    assert answer.status_code == 400
    assert "headwater.artifact_quota" in answer.json()["message"]
    assert (await client.put(f"{ROUTE}/1/c", content=b"x")).status_code == 200


async def test_before_the_database_is_ready_uploads_are_put_off(artifacts: Artifacts) -> None:
    async def passed() -> None:
        return None

    guard = QuotaGuard(artifacts.store, passed)
    routes = ArtifactRoutes(artifacts, "", Echo(), empty_put=False, quotas=guard)
    transport = httpx.ASGITransport(routes)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.put(f"{ROUTE}/0/c", content=b"x")
    assert answer.status_code == 503
