"""Create an experiment."""

from collections.abc import Sequence

from headwater.errors import NotServedError
from headwater.storage.metadata import experiments, tags
from headwater.storage.metadata.base import Connection
from headwater.tracking import validate
from headwater.tracking.artifact_uri import child_uri
from headwater.tracking.clock import now
from headwater.tracking.service import TrackingService


async def create_experiment(
    service: TrackingService, name: str, items: Sequence[tuple[str, str]]
) -> int:
    """Create an experiment below the server's artifact root and return its id.

    Raises:
        NotServedError: the name is taken, or MLflow has a rule about the name or a tag.
    """
    validate.experiment_name(name)
    for key, value in items:
        validate.experiment_tag(key, value)
    if len(dict(items)) < len(items):
        raise NotServedError("a tag occurs twice")

    def create(connection: Connection) -> int:
        experiment_id = experiments.insert(connection, name, now())
        location = child_uri(service.artifact_root, str(experiment_id))
        experiments.set_artifact_location(connection, experiment_id, location)
        tags.upsert_for_experiment(connection, experiment_id, items)
        return experiment_id

    return await service.database.write(create)
