"""Delete a tag of a run."""

from headwater.errors import NotFoundError
from headwater.storage.metadata import tags
from headwater.storage.metadata.base import Connection
from headwater.tracking import validate
from headwater.tracking.existing import require_active_run
from headwater.tracking.service import TrackingService


async def delete_tag(service: TrackingService, run_id: str, key: str) -> None:
    """Delete a tag of an active run.

    Raises:
        NotFoundError: there is no such run or tag.
        NotServedError: the run is deleted.
    """
    validate.run_id(run_id)
    validate.present(key)

    def delete(connection: Connection) -> None:
        require_active_run(connection, run_id)
        if not tags.delete(connection, run_id, key):
            raise NotFoundError(f"No tag with name: {key} in run with id {run_id}")

    await service.database.write(delete)
