"""Move experiments to a project."""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.entities.project_path import parse_path
from headwater.errors import InvalidParameterError, NotServedError
from headwater.storage.metadata import projects, runs
from headwater.storage.metadata.base import Connection
from headwater.tracking import validate
from headwater.tracking.existing import experiment_not_found
from headwater.tracking.service import TrackingService


@dataclass(frozen=True, slots=True)
class MovedExperiments:
    """Where the experiments are now."""

    project: str
    experiment_ids: Sequence[int]


async def move_experiments(
    service: TrackingService, experiment_ids: Sequence[str], project: str
) -> MovedExperiments:
    """Put all of the experiments into a project, or out of every one (``""``); all or none.

    Raises:
        NotFoundError: there is no such experiment.
        InvalidParameterError: one is deleted, an id is not one, or the project is no path.
    """
    path = parse_path(project, "project")
    try:
        numbers = [validate.experiment_id(text) for text in dict.fromkeys(experiment_ids)]
    except NotServedError as error:
        raise InvalidParameterError(
            f"Invalid value for parameter 'experiment_ids': {error}"
        ) from error

    def move(connection: Connection) -> None:
        stages = projects.locked_stages(connection, numbers)
        for number in numbers:
            if number not in stages:
                raise experiment_not_found(number)
            if stages[number] != runs.ACTIVE:
                raise InvalidParameterError(
                    f"Nothing was moved: experiment {number} of 'experiment_ids' is "
                    f"{stages[number]}; restore it first, or leave it out"
                )
        projects.place(connection, [(number, path) for number in numbers])

    await service.database.write(move, long=True)
    return MovedExperiments(path, numbers)
