"""GET headwater/projects/list."""

from headwater.server.rest.request import Request
from headwater.tracking.list_projects import PlacedExperiment, Project, list_projects
from headwater.tracking.service import TrackingService
from headwater.wire.list_projects import (
    PlacedExperimentMessage,
    ProjectMessage,
    decode_list_projects,
    encode_projects,
)


async def handle(service: TrackingService, request: Request) -> bytes:
    """Answer with a part of the tree of projects."""
    asked = decode_list_projects(request.query)
    tree = await list_projects(service, asked.path, asked.stages)
    experiments = [_experiment(placed) for placed in tree.experiments]
    return encode_projects(
        [_project(project) for project in tree.projects],
        experiments if asked.experiments else None,
    )


def _project(project: Project) -> ProjectMessage:
    return ProjectMessage(
        project.path,
        project.experiments,
        project.direct_experiments,
        project.runs,
        project.last_activity,
    )


def _experiment(placed: PlacedExperiment) -> PlacedExperimentMessage:
    found = placed.activity
    return PlacedExperimentMessage(
        str(found.experiment_id),
        found.name,
        placed.project,
        found.stage,
        found.runs,
        found.last_activity,
    )
