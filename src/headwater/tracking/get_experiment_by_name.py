"""Get an experiment by its name."""

from headwater.entities.experiment import Experiment
from headwater.errors import NotFoundError
from headwater.storage.metadata import experiments
from headwater.storage.metadata.base import Connection
from headwater.tracking.service import TrackingService


async def get_experiment_by_name(service: TrackingService, name: str) -> Experiment:
    """Return an experiment, deleted or not.

    Raises:
        NotFoundError: there is no such experiment.
    """

    def find(connection: Connection) -> list[Experiment]:
        experiment_id = experiments.find_by_name(connection, name)
        if experiment_id is None:
            return []
        return experiments.load_experiments(connection, [experiment_id])

    found = await service.database.read(find, brief=True)
    if not found:
        raise NotFoundError(f"Could not find experiment with name '{name}'")
    return found[0]
