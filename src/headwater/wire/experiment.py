"""Experiments as MLflow's ``Experiment`` message in JSON."""

import msgspec
from msgspec import UNSET, Struct, UnsetType

from headwater.entities.experiment import Experiment
from headwater.entities.run import Tag

_WORKSPACE = "default"


class ExperimentMessage(Struct, omit_defaults=True):
    """MLflow's Experiment."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str
    last_update_time: int | UnsetType = UNSET
    creation_time: int | UnsetType = UNSET
    tags: list[Tag] = []
    workspace: str | UnsetType = UNSET


class _GetExperimentResponse(Struct):
    experiment: ExperimentMessage


_encoder = msgspec.json.Encoder()


def experiment_message(experiment: Experiment, *, names_workspace: bool) -> ExperimentMessage:
    """Return an experiment as MLflow sends it; see `Behaviour.names_workspace`."""
    return ExperimentMessage(
        str(experiment.experiment_id),
        experiment.name,
        experiment.artifact_location,
        experiment.lifecycle_stage,
        experiment.last_update_time or UNSET,
        experiment.creation_time or UNSET,
        experiment.tags,
        _WORKSPACE if names_workspace else UNSET,
    )


def encode_get_experiment(experiment: Experiment, *, names_workspace: bool) -> bytes:
    """Return ``{"experiment": …}``, the answer of get-experiment and get-by-name."""
    message = experiment_message(experiment, names_workspace=names_workspace)
    return _encoder.encode(_GetExperimentResponse(message))
