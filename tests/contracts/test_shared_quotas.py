"""Limits are exact among servers that share a database and a bucket, each with its own index."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from tests.asgi import Echo
from tests.contracts.organised import sweep
from tests.s3 import S3
from tests.unit.server.test_artifacts import OWN, ROUTE, cut, pieces

from headwater.entities.artifact_store_uri import Bucket
from headwater.errors import QuotaExceededError
from headwater.mlflow_release import installed_release
from headwater.server.artifact_quotas import QuotaGuard
from headwater.server.artifacts import ArtifactRoutes
from headwater.storage.artifacts.index import ChunkIndex
from headwater.storage.artifacts.overlay import Artifacts
from headwater.storage.artifacts.plain_objects import PlainObjects
from headwater.storage.artifacts.s3_objects import S3Objects
from headwater.storage.artifacts.store import ArtifactStore
from headwater.storage.metadata import artifact_changes
from headwater.storage.metadata.postgres import PostgresDatabase
from headwater.storage.metadata.sqlite import SqliteDatabase
from headwater.storage.metrics.sqlite import SqliteMetricEngine
from headwater.tracking.clock import now
from headwater.tracking.list_quotas import list_quotas
from headwater.tracking.service import TrackingService
from headwater.tracking.set_quota import set_experiment_quota

SIZE = 300_000


def content(seed: int) -> bytes:
    return np.random.default_rng(seed).bytes(SIZE)


@dataclass(frozen=True)
class Front:
    """A server, without what else it does."""

    service: TrackingService
    guard: QuotaGuard
    client: httpx.AsyncClient

    async def put(self, path: str, body: bytes) -> int:
        return (await self.client.put(f"{ROUTE}/{path}", content=body)).status_code

    async def used(self) -> int:
        return (await list_quotas(self.service))[0].used


@pytest.fixture(params=["sqlite", "postgres"])
async def fronts(
    request: pytest.FixtureRequest, s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Front, Front]]:
    s3.use(monkeypatch)
    place = request.getfixturevalue(f"swept_{request.param}")
    bucket = Bucket(s3.create_bucket(), "ml")

    def opened(number: int) -> Front:
        objects = S3Objects(bucket)
        store = ArtifactStore(objects, ChunkIndex(tmp_path / f"{number}.db"))
        database = (SqliteDatabase if request.param == "sqlite" else PostgresDatabase)(place)
        service = TrackingService(
            database,
            SqliteMetricEngine(),
            "mlflow-artifacts:/",
            installed_release().behaviour,
            artifacts=store,
        )

        async def passed() -> TrackingService:
            return service

        clock = iter(range(0, 10**6, 10))
        guard = QuotaGuard(store, passed, lambda: float(next(clock)))
        artifacts = Artifacts(store, PlainObjects(objects))
        routes = ArtifactRoutes(artifacts, "", Echo(), empty_put=True, quotas=guard)
        transport = httpx.ASGITransport(routes)
        client = httpx.AsyncClient(transport=transport, base_url="http://localhost")
        return Front(service, guard, client)

    one, two = opened(1), opened(2)
    await set_experiment_quota(one.service, 0, 700_000)
    yield one, two
    await one.service.database.write(sweep)
    for each in (one, two):
        await each.client.aclose()
        each.service.database.close()
        assert each.service.artifacts is not None
        each.service.artifacts.close()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await holds():
            await asyncio.sleep(0.02)


async def test_what_one_server_stores_and_deletes_counts_for_the_other(
    fronts: tuple[Front, Front],
) -> None:
    one, two = fronts
    assert await one.put("0/dir/a", content(1)) == 200
    assert await two.put("0/dir/b", content(2)) == 200
    assert await one.put("0/c", content(3)) == 413
    assert await two.put("0/c", content(3)) == 413
    assert await two.put("0/dir/a", content(4)) == 200  # in the place of the other's
    copied = await one.client.put(f"{OWN}/file", params={"path": "0/c"}, content=cut(content(5)))
    assert copied.status_code == 413
    await until(lambda: _has_used(one, 2 * SIZE))
    assert (await one.client.delete(f"{ROUTE}/0/dir")).status_code == 200
    await until(lambda: _has_used(two, 0))
    assert await two.put("0/c", content(3)) == 200
    assert await two.put("0/dir/d", content(5)[:1000]) == 200
    # A refused file in a directory's place is no deletion of that.
    assert await two.put("0/dir", b"x") == 400
    await until(lambda: _has_used(one, SIZE + 1000))


async def _has_used(front: Front, size: int) -> bool:
    return await front.used() == size


async def test_what_comes_in_at_the_same_time_counts_together(
    fronts: tuple[Front, Front],
) -> None:
    statuses = await asyncio.gather(
        *(
            (front.client.put(f"{ROUTE}/0/{n}-{number}", content=pieces(content(n), 60_000)))
            for n in range(3)
            for number, front in enumerate(fronts)
        )
    )
    stored = [each.status_code for each in statuses].count(200)
    assert {each.status_code for each in statuses} == {200, 413}
    assert 1 <= stored <= 2
    for front in fronts:
        await until(lambda front=front: _has_used(front, stored * SIZE))  # type: ignore[misc]
    # Nothing of what was let in is left, so that what there is room for is taken at once.
    assert await fronts[1].put("0/rest", bytes(700_000 - stored * SIZE)) == 200
    assert await fronts[0].put("0/more", b"x") == 413


async def test_what_a_killed_server_was_taking_in_counts_for_a_quarter_of_an_hour(
    fronts: tuple[Front, Front], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = fronts
    admission = await one.guard.admit("0/large", 600_000)
    with pytest.raises(QuotaExceededError):
        await two.guard.admit("0/other", 200_000)
    later = now() + 16 * 60_000
    monkeypatch.setattr("headwater.server.artifact_quotas.now", lambda: later)
    with await two.guard.admit("0/other", 200_000):
        pass
    assert admission.renewing is not None
    admission.renewing.cancel()

    async def is_empty() -> bool:
        return not await two.service.database.read(lambda c: artifact_changes.admitted(c, 0))

    await until(is_empty)
