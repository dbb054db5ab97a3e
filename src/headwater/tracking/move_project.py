"""Move a project, with all that is below it, to another place in the tree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from headwater.entities.project_path import (
    is_within,
    moved_path,
    parse_path,
    path_of_tag,
    require_fitting,
)
from headwater.entities.saved_search import SavedSearch, SearchScope
from headwater.errors import ConflictError, InvalidParameterError, NotFoundError, NotServedError
from headwater.storage.metadata import artifact_quotas, projects, saved_searches
from headwater.storage.metadata.base import Connection
from headwater.tracking.saved_search import name_taken
from headwater.tracking.service import TrackingService


@dataclass(frozen=True, slots=True)
class MovedProject:
    """What a move did."""

    path: str
    """Where the project was."""

    to: str
    experiments: Sequence[tuple[int, str]]
    """Each experiment that has moved, and its new project."""

    saved_searches: int
    """Saved searches that went along."""


async def move_project(service: TrackingService, path: str, to: str) -> MovedProject:
    """Give a project the path `to`; what is there already stays and is joined by what comes.

    Deleted experiments, saved searches and limits of artifacts go along. All of it happens or
    nothing.

    Raises:
        NotFoundError: there is no such project.
        InvalidParameterError: a path is none, or `to` is within `path`.
        AlreadyExistsError: the other project has a saved search of the same name.
    """
    path, to = path_of_tag(path), parse_path(to, "to")
    if not path:
        raise InvalidParameterError("Invalid value for parameter 'path': name a project to move")
    if is_within(to, path):
        raise InvalidParameterError(
            f"Invalid value for parameter 'to': {to!r} is within {path!r}; "
            "move the experiments instead"
        )

    def move(connection: Connection) -> MovedProject:
        places = plan_move(projects.locked_places(connection), path, to)
        searches = [_moved(search, path, to) for search in saved_searches.within(connection, path)]
        if not places and not searches:
            raise NotFoundError(
                f"There is no project {path!r}; GET projects/list has those there are"
            )
        projects.place(connection, places)
        _move_quotas(connection, path, to)
        for search in searches:
            if saved_searches.named(connection, search.scope, search.name) is not None:
                raise name_taken(search.name, search.scope)
            saved_searches.update(connection, search)
        return MovedProject(path, to, places, len(searches))

    try:
        return await service.database.write(move, long=True)
    except NotServedError as error:
        raise ConflictError(
            f"Nothing was moved: somebody saved a search in {to!r} meanwhile; try again"
        ) from error


def _move_quotas(connection: Connection, path: str, to: str) -> None:
    """Take limits along; one that the other project has already stands."""
    limits = dict(artifact_quotas.of_projects(connection))
    for project in [each for each in limits if each and is_within(each, path)]:
        limit, place = limits[project], moved_path(project, path, to)
        artifact_quotas.set_of_project(connection, project, None)
        if place and place not in limits:
            artifact_quotas.set_of_project(connection, place, limit)


def _moved(search: SavedSearch, path: str, to: str) -> SavedSearch:
    place = moved_path(search.scope.project or "", path, to)
    require_fitting(place, "to")
    return replace(search, scope=SearchScope(place or None))


def plan_move(places: Mapping[int, str | None], path: str, to: str) -> Sequence[tuple[int, str]]:
    """Return the experiments that move, each with its new project.

    Raises:
        InvalidParameterError: one of the new paths would be too long or too deep.
    """
    found = {experiment_id: path_of_tag(value) for experiment_id, value in places.items()}
    moving = {
        experiment_id: moved_path(place, path, to)
        for experiment_id, place in sorted(found.items())
        if place and is_within(place, path)
    }
    for new in set(moving.values()):
        require_fitting(new, "to")
    return list(moving.items())
