"""Saved searches keep what they were given, under one name a place: on every backend."""

import asyncio
from dataclasses import replace

import pytest
from tests.contracts.conftest import Backend
from tests.contracts.test_ingest import service_on

from headwater.entities.saved_search import SavedSearch, SearchScope
from headwater.errors import AlreadyExistsError, InvalidParameterError, NotFoundError
from headwater.tracking.create_experiment import create_experiment
from headwater.tracking.create_saved_search import create_saved_search
from headwater.tracking.delete_saved_search import delete_saved_search
from headwater.tracking.get_saved_search import get_saved_search
from headwater.tracking.list_saved_searches import list_saved_searches
from headwater.tracking.update_saved_search import update_saved_search

FILTER = "metrics.loss < 0.1 AND params.lr = '1e-3'"
ORDER_BY = ["metrics.loss ASC"]
COLUMNS = ["metrics.val/loss", "params.lr", "tags.mlflow.runName", "attributes.start_time"]


@pytest.fixture
def backend(swept_backend: Backend) -> Backend:
    return swept_backend


async def save(
    backend: Backend, name: str, project: str | None = None, experiment_id: str | None = None
) -> SavedSearch:
    return await create_saved_search(
        service_on(backend), name, project, experiment_id, FILTER, ORDER_BY, COLUMNS
    )


async def test_what_is_saved_is_found(backend: Backend) -> None:
    service = service_on(backend)
    saved = await save(backend, " best ", experiment_id="0")
    assert saved.name == "best"
    assert saved.scope == SearchScope(experiment_id=0)
    assert (saved.filter, saved.order_by, saved.columns) == (FILTER, ORDER_BY, COLUMNS)
    assert await get_saved_search(service, saved.search_id) == saved
    assert await list_saved_searches(service, None, None) == [saved]


async def test_a_place_lists_its_own(backend: Backend) -> None:
    service = service_on(backend)
    everywhere, of_experiment = await save(backend, "a"), await save(backend, "a", None, "0")
    team, vision = await save(backend, "b", "team"), await save(backend, "a", "team/vision")
    await save(backend, "a", "teams")
    assert len(await list_saved_searches(service, None, None)) == 5
    assert await list_saved_searches(service, "team", None) == [vision, team]
    assert await list_saved_searches(service, None, "0") == [of_experiment]
    assert everywhere.scope == SearchScope()


async def test_a_name_is_one_of_a_kind_in_its_place(backend: Backend) -> None:
    service = service_on(backend)
    done = await asyncio.gather(*(save(backend, "a") for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(each, SavedSearch) for each in done) == 1
    assert {type(each) for each in done} == {SavedSearch, AlreadyExistsError}
    other = await save(backend, "b")
    with pytest.raises(AlreadyExistsError, match="no project or experiment is named 'a'"):
        await update_saved_search(service, other.search_id, name="a")
    for place in ({"project": "team"}, {"experiment_id": "0"}):
        await save(backend, "a", **place)
        with pytest.raises(AlreadyExistsError, match="is named 'a' already"):
            await save(backend, "a", **place)


async def test_an_update_changes_what_it_names(backend: Backend) -> None:
    service = service_on(backend)
    saved = await save(backend, "a", "team")
    changed = await update_saved_search(service, saved.search_id, name="b", text="", columns=[])
    assert changed == replace(saved, name="b", filter="", columns=[], updated_at=changed.updated_at)
    assert await get_saved_search(service, saved.search_id) == changed
    assert await update_saved_search(service, saved.search_id, order_by=["params.lr"])


async def test_a_deleted_one_is_gone(backend: Backend) -> None:
    service = service_on(backend)
    saved = await save(backend, "a")
    await delete_saved_search(service, saved.search_id)
    with pytest.raises(NotFoundError, match=saved.search_id):
        await get_saved_search(service, saved.search_id)
    with pytest.raises(NotFoundError, match="saved-searches/list"):
        await delete_saved_search(service, saved.search_id)
    with pytest.raises(NotFoundError, match=saved.search_id):
        await update_saved_search(service, saved.search_id, name="b")


async def test_the_search_of_an_experiment_that_is_removed_for_good_goes_with_it(
    backend: Backend,
) -> None:
    service = service_on(backend)
    number = await create_experiment(service, "short-lived", [])
    await save(backend, "a", experiment_id=str(number))
    kept = await save(backend, "a", experiment_id="0")
    await backend.database.write(
        lambda c: c.execute("DELETE FROM experiments WHERE experiment_id = ?", (number,)) and None
    )
    assert await list_saved_searches(service, None, None) == [kept]


async def test_a_place_must_be_one_that_is(backend: Backend) -> None:
    with pytest.raises(NotFoundError, match="id=999999"):
        await save(backend, "a", experiment_id="999999")
    with pytest.raises(InvalidParameterError, match="exclude each other"):
        await save(backend, "a", "team", "0")
