"""A run as MLflow's clients see it.

These are msgspec structs because searches create tens of thousands of them: a struct costs a
third of a dataclass and is encoded without a Python call. Field names follow MLflow's messages.
"""

from msgspec import Struct


class RunInfo(Struct, frozen=True, gc=False):
    """What the ``runs`` table holds about a run."""

    run_id: str
    name: str | None
    experiment_id: int
    user_id: str
    status: str
    """RUNNING, SCHEDULED, FINISHED, FAILED or KILLED."""

    start_time: int
    """Milliseconds since the epoch, as `end_time`."""

    end_time: int | None
    lifecycle_stage: str
    """``active`` or ``deleted``."""

    artifact_uri: str | None


class LatestMetric(Struct, frozen=True, gc=False):
    """The point of a metric that MLflow shows for a run."""

    key: str
    value: float | None
    """None stands for NaN; infinities are clipped."""

    timestamp: int
    step: int


class Param(Struct, frozen=True, gc=False):
    """A parameter of a run."""

    key: str
    value: str


class Tag(Struct, frozen=True, gc=False, omit_defaults=True):
    """A tag of a run, an experiment or a dataset input."""

    key: str
    value: str | None = None


class Dataset(Struct, frozen=True, gc=False, omit_defaults=True):
    """A dataset that runs of one experiment used."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


class DatasetInput(Struct, frozen=True, omit_defaults=True):
    """A dataset that a run used, with the tags of that use."""

    dataset: Dataset
    tags: list[Tag] = []


class ModelInput(Struct, frozen=True, gc=False):
    """A logged model that a run read."""

    model_id: str


class ModelOutput(Struct, frozen=True, gc=False):
    """A logged model that a run produced."""

    model_id: str
    step: int


class Run(Struct, frozen=True):
    """A run with everything logged to it but its metric histories."""

    info: RunInfo
    metrics: list[LatestMetric]
    params: list[Param]
    tags: list[Tag]
    dataset_inputs: list[DatasetInput]
    model_inputs: list[ModelInput]
    model_outputs: list[ModelOutput]
