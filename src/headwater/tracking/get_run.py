"""Get a run with everything logged to it but its metric histories."""

from headwater.entities.run import Run
from headwater.storage.metadata.run_data import load_runs
from headwater.tracking import validate
from headwater.tracking.existing import run_not_found
from headwater.tracking.service import TrackingService


async def get_run(service: TrackingService, run_id: str) -> Run:
    """Return a run, deleted or not.

    Raises:
        NotFoundError: there is no such run.
    """
    validate.run_id(run_id)
    found = await service.database.read(
        lambda connection: load_runs(connection, [run_id], model_inputs=True),
        brief=True,
    )
    if not found:
        raise run_not_found(run_id)
    return found[0]
