"""An experiment as MLflow's clients see it."""

from msgspec import Struct

from headwater.entities.run import Tag


class Experiment(Struct, frozen=True):
    """A named group of runs."""

    experiment_id: int
    name: str
    artifact_location: str
    lifecycle_stage: str
    """``active`` or ``deleted``."""

    creation_time: int | None
    """Milliseconds since the epoch, as `last_update_time`; None in rows of MLflow before 1.29."""

    last_update_time: int | None
    tags: list[Tag]
