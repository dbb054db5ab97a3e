"""Get an experiment by its id."""

from headwater.entities.experiment import Experiment
from headwater.storage.metadata import experiments
from headwater.tracking import validate
from headwater.tracking.existing import experiment_not_found
from headwater.tracking.service import TrackingService


async def get_experiment(service: TrackingService, experiment_id: str) -> Experiment:
    """Return an experiment, deleted or not.

    Raises:
        NotFoundError: there is no such experiment.
    """
    number = validate.experiment_id(experiment_id)
    found = await service.database.read(
        lambda connection: experiments.load_experiments(connection, [number]),
        brief=True,
    )
    if not found:
        raise experiment_not_found(number)
    return found[0]
