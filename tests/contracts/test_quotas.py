"""The limits of projects and experiments, on every backend."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.contracts.conftest import Backend
from tests.contracts.test_artifact_store import put
from tests.contracts.test_ingest import service_on

from headwater.errors import InvalidParameterError, NotFoundError
from headwater.storage.artifacts.store import open_local_store
from headwater.tracking.create_experiment import create_experiment
from headwater.tracking.list_quotas import list_quotas
from headwater.tracking.move_experiments import move_experiments
from headwater.tracking.move_project import move_project
from headwater.tracking.service import TrackingService
from headwater.tracking.set_experiment_tag import set_experiment_tag
from headwater.tracking.set_quota import set_experiment_quota, set_project_quota


@pytest.fixture
def service(swept_backend: Backend, tmp_path: Path) -> Iterator[TrackingService]:
    store = open_local_store(tmp_path)
    yield replace(service_on(swept_backend), artifacts=store)
    store.close()


async def limits(service: TrackingService, path: str = "") -> dict[str, tuple[int | None, int]]:
    return {
        each.quota.name or f"/{each.quota.project}": (each.quota.limit, each.used)
        for each in await list_quotas(service, path)
    }


async def test_limits_are_set_moved_and_taken_away(service: TrackingService) -> None:
    one = await create_experiment(service, "one", [])
    two = await create_experiment(service, "two", [])
    await move_experiments(service, [str(one)], "team/vision")
    await move_experiments(service, [str(two)], "team")
    assert service.artifacts is not None
    put(service.artifacts, f"{one}/run/artifacts/w", b"12345")
    put(service.artifacts, f"{two}/run/artifacts/w", b"123")
    put(service.artifacts, "elsewhere", b"1")
    assert await limits(service) == {}
    for project, limit in (("", 2**62), ("team", 100), ("team/vision", 50), ("lab/vision", 10)):
        await set_project_quota(service, project, limit)
    await set_experiment_quota(service, one, 7)
    assert await limits(service) == {
        "/": (2**62, 9),
        "/lab/vision": (10, 0),
        "/team": (100, 8),
        "/team/vision": (50, 5),
        "one": (7, 5),
    }
    assert await limits(service, "team/vision") == {"/team/vision": (50, 5), "one": (7, 5)}
    await move_project(service, "team", "lab")
    assert await limits(service, "lab") == {
        "/lab": (100, 8),
        "/lab/vision": (10, 5),
        "one": (7, 5),
    }
    await move_project(service, "lab", "")
    assert await limits(service) == {"/": (2**62, 9), "/vision": (10, 5), "one": (7, 5)}
    await set_experiment_tag(service, str(one), "headwater.artifact_quota", "5 apples")
    await set_project_quota(service, "", None)
    await set_project_quota(service, "vision", None)
    assert await limits(service) == {"one": (None, 5)}
    await set_experiment_quota(service, one, None)
    assert await limits(service) == {}


async def test_what_cannot_have_a_limit_is_refused(service: TrackingService) -> None:
    with pytest.raises(NotFoundError, match="999"):
        await set_experiment_quota(service, 999, 1)
    with pytest.raises(InvalidParameterError, match="'project'"):
        await set_project_quota(service, "/team", 1)
    with pytest.raises(InvalidParameterError, match="no artifact store"):
        await set_project_quota(replace(service, artifacts=None), "team", 1)
