"""What a verb demands of the run that it names."""

from headwater.errors import NotFoundError, NotServedError
from headwater.storage.metadata import runs
from headwater.storage.metadata.base import Connection


def active_run(connection: Connection, run_id: str) -> int:
    """Return the experiment of a run that exists and is not deleted.

    Raises:
        NotFoundError: there is no such run.
        NotServedError: it is deleted; MLflow words the refusal.
    """
    found = runs.lifecycle(connection, run_id)
    if found is None:
        raise NotFoundError(f"Run with id={run_id} not found")
    stage, experiment_id = found
    if stage != runs.ACTIVE:
        raise NotServedError("the run is deleted")
    return experiment_id
