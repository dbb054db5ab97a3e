"""What a verb demands of the run or experiment that it names."""

from collections.abc import Sequence

from headwater.errors import InvalidParameterError, NotFoundError, NotServedError
from headwater.storage.metadata import experiments, runs
from headwater.storage.metadata.base import Connection


def run_not_found(run_id: str) -> NotFoundError:
    """Return the refusal of a run that does not exist."""
    return NotFoundError(f"Run with id={run_id} not found")


def experiment_not_found(experiment_id: int) -> NotFoundError:
    """Return the refusal of an experiment that does not exist."""
    return NotFoundError(f"No Experiment with id={experiment_id} exists")


def named_experiments(connection: Connection, names: Sequence[str]) -> list[int]:
    """Return the ids of the experiments with these names.

    Raises:
        NotFoundError: there is none of a name.
    """
    ids = []
    for name in names:
        found = experiments.find_by_name(connection, name)
        if found is None:
            raise NotFoundError(
                f"Invalid value for parameter 'experiment_names': no experiment is named {name!r}"
            )
        ids.append(found)
    return ids


def require_active_run(connection: Connection, run_id: str) -> int:
    """Return the experiment of a run that exists and is not deleted.

    Raises:
        NotFoundError: there is no such run.
        NotServedError: it is deleted; MLflow words the refusal.
    """
    found = runs.lifecycle(connection, run_id)
    if found is None:
        raise run_not_found(run_id)
    stage, experiment_id = found
    if stage != runs.ACTIVE:
        raise NotServedError(f"run {run_id} is {stage}")
    return experiment_id


def require_run_of_frame(connection: Connection, run_id: str) -> int:
    """Return the experiment of a run that takes what a client's frame brings.

    Raises:
        NotFoundError: there is no such run.
        InvalidParameterError: it is deleted.
    """
    found = runs.lifecycle(connection, run_id)
    if found is None:
        raise run_not_found(run_id)
    stage, experiment_id = found
    if stage != runs.ACTIVE:
        raise InvalidParameterError(f"Run {run_id} is {stage}; restore it to log into it")
    return experiment_id


def require_active_experiment(connection: Connection, experiment_id: int) -> str | None:
    """Return the artifact location of an experiment that exists and is not deleted.

    Raises:
        NotFoundError: there is no such experiment.
        NotServedError: it is deleted; MLflow words the refusal.
    """
    found = experiments.lifecycle(connection, experiment_id)
    if found is None:
        raise experiment_not_found(experiment_id)
    stage, location = found
    if stage != runs.ACTIVE:
        raise NotServedError(f"experiment {experiment_id} is {stage}")
    return location
