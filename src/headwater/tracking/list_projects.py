"""The tree of projects, with what is in them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from headwater.entities.project_path import ancestors, is_within, path_of_tag
from headwater.errors import NotFoundError
from headwater.storage.metadata.projects import ExperimentActivity, activities
from headwater.tracking.service import TrackingService


@dataclass(frozen=True, slots=True)
class Project:
    """A project with all that is in it and below it; ``""`` is the root of the tree."""

    path: str
    experiments: int
    direct_experiments: int
    """Of `experiments` those that are in no project below."""

    runs: int
    last_activity: int | None
    """When an experiment was created, or a run started or ended last, in ms since the epoch."""


@dataclass(frozen=True, slots=True)
class PlacedExperiment:
    """An experiment and its place in the tree."""

    project: str
    activity: ExperimentActivity


@dataclass(frozen=True, slots=True)
class ProjectTree:
    """Projects in the order of their paths, parents before their children."""

    projects: Sequence[Project]
    experiments: Sequence[PlacedExperiment]
    """In the order of their projects, then of their names."""


async def list_projects(service: TrackingService, path: str, stages: Sequence[str]) -> ProjectTree:
    """Return the project at `path` and all below it; those with experiments of the given stages.

    Raises:
        NotFoundError: there is no such project.
    """
    path = path_of_tag(path)
    found = await service.database.read(lambda connection: list(activities(connection, stages)))
    tree = project_tree(found, path)
    if not tree.projects:
        raise NotFoundError(f"There is no project {path!r}")
    return tree


def project_tree(found: Iterable[ExperimentActivity], path: str) -> ProjectTree:
    """Return the tree of the experiments within `path`; the root is there even when empty."""
    placed = [PlacedExperiment(path_of_tag(activity.tag), activity) for activity in found]
    placed = [experiment for experiment in placed if is_within(experiment.project, path)]
    placed.sort(key=lambda e: (_order(e.project), e.activity.name))
    members: dict[str, list[PlacedExperiment]] = defaultdict(list)
    for experiment in placed:
        for project in ancestors(experiment.project):
            if is_within(project, path):
                members[project].append(experiment)
    if not path:
        members[""] = placed
    projects = [_project(project, members[project]) for project in sorted(members, key=_order)]
    return ProjectTree(projects, placed)


def _order(path: str) -> list[str]:
    """Return a key that sorts by names: with the text, ``a b`` would come before ``a/b``."""
    return path.split("/") if path else []


def _project(path: str, members: Sequence[PlacedExperiment]) -> Project:
    times = [e.activity.last_activity for e in members if e.activity.last_activity is not None]
    return Project(
        path,
        len(members),
        sum(experiment.project == path for experiment in members),
        sum(experiment.activity.runs for experiment in members),
        max(times, default=None),
    )
