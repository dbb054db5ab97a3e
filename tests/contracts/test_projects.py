"""The tree of projects is a tag of MLflow's; a move is of the whole subtree: on every backend."""

import asyncio
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contracts.conftest import Backend
from tests.contracts.metric_rows import EXAMPLES
from tests.contracts.test_ingest import service_on

from headwater.entities.project_path import is_within, moved_path
from headwater.errors import AlreadyExistsError, InvalidParameterError, NotFoundError
from headwater.storage.metadata.base import Connection
from headwater.tracking.create_experiment import create_experiment
from headwater.tracking.create_saved_search import create_saved_search
from headwater.tracking.delete_experiment import delete_experiment
from headwater.tracking.list_projects import Project, ProjectTree, list_projects
from headwater.tracking.list_saved_searches import list_saved_searches
from headwater.tracking.move_experiments import move_experiments
from headwater.tracking.move_project import move_project
from headwater.tracking.set_experiment_tag import set_experiment_tag

PATHS = ("", "team", "team/vision", "team/vision/old", "teams", "research")
ACTIVE, ALL = ("active",), ("active", "deleted")


@pytest.fixture
def backend(swept_backend: Backend) -> Backend:
    return swept_backend


@pytest.fixture
async def experiments(backend: Backend) -> Mapping[str, int]:
    """One experiment in each of `PATHS`, beside the default one with three runs."""
    service = service_on(backend)
    numbers = {}
    for path in PATHS:
        numbers[path] = await create_experiment(service, f"in {path}", [])
        if path:
            await move_experiments(service, [str(numbers[path])], path)
    return numbers


async def tree(backend: Backend, path: str = "", stages: tuple[str, ...] = ACTIVE) -> ProjectTree:
    return await list_projects(service_on(backend), path, stages)


async def tags(backend: Backend) -> dict[int, str]:
    return await backend.database.read(
        lambda c: dict(
            c.execute(
                "SELECT experiment_id, value FROM experiment_tags WHERE key = 'headwater.project'"
            ).fetchall()
        )
    )


async def test_every_project_counts_what_is_below_it(
    backend: Backend, experiments: Mapping[str, int]
) -> None:
    def run(connection: Connection) -> None:
        for number, stage in enumerate(("active", "active", "deleted")):
            connection.execute(
                "INSERT INTO runs (run_uuid, experiment_id, status, lifecycle_stage, start_time,"
                " end_time) VALUES (?, ?, 'FINISHED', ?, ?, ?)",
                (f"{number:032}", experiments["team/vision"], stage, number, 9 * 10**12 + number),
            )

    await backend.database.write(run)
    found = {project.path: project for project in (await tree(backend)).projects}
    assert list(found) == ["", "research", "team", "team/vision", "team/vision/old", "teams"]
    assert found["team/vision"] == Project("team/vision", 2, 1, 2, 9 * 10**12 + 1)
    assert (found["team"].experiments, found["team"].runs) == (3, 2)
    assert (found[""].experiments, found[""].direct_experiments, found[""].runs) == (7, 2, 5)
    assert found["teams"].last_activity is not None
    assert found["teams"].last_activity < 9 * 10**12


async def test_a_part_of_the_tree_has_its_experiments_in_order(
    backend: Backend, experiments: Mapping[str, int]
) -> None:
    found = await tree(backend, "team")
    assert [project.path for project in found.projects] == [
        "team",
        "team/vision",
        "team/vision/old",
    ]
    names = [(e.project, e.activity.name) for e in found.experiments]
    assert names == [(path, f"in {path}") for path in ("team", "team/vision", "team/vision/old")]
    with pytest.raises(NotFoundError, match="'tea'"):
        await tree(backend, "tea")


async def test_tags_that_others_wrote_are_places_as_well(
    backend: Backend, experiments: Mapping[str, int]
) -> None:
    service = service_on(backend)
    await set_experiment_tag(service, "0", "headwater.project", "/team//nlp: new/")
    assert "team/nlp: new" in [project.path for project in (await tree(backend)).projects]
    await move_project(service, "team/nlp: new", "team/nlp")
    assert (await tags(backend))[0] == "team/nlp"


async def test_experiments_move_together_or_not_at_all(
    backend: Backend, experiments: Mapping[str, int]
) -> None:
    service = service_on(backend)
    ids = [str(experiments["team"]), "0"]
    done = await move_experiments(service, [*ids, ids[0]], "research/new")
    assert (done.project, done.experiment_ids) == ("research/new", [experiments["team"], 0])
    await delete_experiment(service, str(experiments["teams"]))
    before = await tags(backend)
    with pytest.raises(InvalidParameterError, match="restore it first"):
        await move_experiments(service, [*ids, str(experiments["teams"])], "x")
    with pytest.raises(NotFoundError, match="id=999999"):
        await move_experiments(service, [*ids, "999999"], "x")
    with pytest.raises(InvalidParameterError, match="experiment_ids"):
        await move_experiments(service, ["Default"], "x")
    with pytest.raises(InvalidParameterError, match="'project'"):
        await move_experiments(service, ids, "/x")
    assert await tags(backend) == before
    await move_experiments(service, ids, "")
    assert await tags(backend) == {
        number: path for number, path in before.items() if path != "research/new"
    }


@given(st.sampled_from(PATHS[1:]), st.sampled_from([*PATHS, "a/b/c"]))
@EXAMPLES
async def test_a_subtree_moves_and_nothing_else(
    backend: Backend, experiments: Mapping[str, int], path: str, to: str
) -> None:
    service = service_on(backend)
    for place, number in experiments.items():
        await move_experiments(service, [str(number)], place)
    before = await tags(backend)
    if is_within(to, path):
        with pytest.raises(InvalidParameterError, match="is within"):
            await move_project(service, path, to)
        assert await tags(backend) == before
        return
    done = await move_project(service, path, to)
    expected = {
        number: moved_path(place, path, to) if is_within(place, path) else place
        for number, place in before.items()
    }
    assert await tags(backend) == {number: place for number, place in expected.items() if place}
    assert dict(done.experiments) == {
        number: expected[number] for number, place in before.items() if is_within(place, path)
    }


async def test_deleted_experiments_go_along(
    backend: Backend, experiments: Mapping[str, int]
) -> None:
    service = service_on(backend)
    await delete_experiment(service, str(experiments["team/vision"]))
    assert (await tree(backend, "team/vision")).projects[0].direct_experiments == 0
    await move_project(service, "team", "research/team")
    assert (await tags(backend))[experiments["team/vision"]] == "research/team/vision"
    found = await tree(backend, "research/team/vision", ALL)
    assert found.projects[0].direct_experiments == 1


async def test_a_move_that_would_be_too_deep_moves_nothing(
    backend: Backend, experiments: Mapping[str, int]
) -> None:
    service, before = service_on(backend), await tags(backend)
    with pytest.raises(InvalidParameterError, match="11 names deep"):
        await move_project(service, "team", "a/b/c/d/e/f/g/h/i")
    with pytest.raises(NotFoundError, match="'nobody'"):
        await move_project(service, "nobody", "team")
    with pytest.raises(InvalidParameterError, match="'path'"):
        await move_project(service, "", "team")
    assert await tags(backend) == before


async def test_saved_searches_go_along(backend: Backend, experiments: Mapping[str, int]) -> None:
    service = service_on(backend)
    for project in ("team/vision", "research/vision"):
        await create_saved_search(service, "best", project, None, "", [], [])
    await create_saved_search(service, "worst", "team", None, "", [], [])
    before = await tags(backend)
    with pytest.raises(AlreadyExistsError, match="'research/vision' is named 'best'"):
        await move_project(service, "team", "research")
    assert await tags(backend) == before
    assert (await move_project(service, "team", "lab")).saved_searches == 2
    found = await list_saved_searches(service, "lab", None)
    assert [(s.name, s.scope.project) for s in found] == [("best", "lab/vision"), ("worst", "lab")]


async def test_movers_at_the_same_time_leave_the_tree_as_one_after_the_other_would(
    backend: Backend, experiments: Mapping[str, int]
) -> None:
    service = service_on(backend)
    ids = [str(experiments[path]) for path in ("", "teams", "team")]
    for _ in range(5):
        await asyncio.gather(
            move_project(service, "team", "lab"),
            move_experiments(service, ids, "team"),
            move_project(service, "research", "team/research"),
        )
        places = await tags(backend)
        assert len({places[int(number)] for number in ids}) == 1
        research = places[experiments["research"]]
        assert research in ("team/research", "lab/research")
        await move_experiments(service, [str(experiments["research"])], "research")
        await move_project(service, places[experiments["team/vision"]].split("/")[0], "team")
