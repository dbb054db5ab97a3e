"""Set a tag of a run."""

from headwater.storage.metadata import runs, tags
from headwater.storage.metadata.base import Connection
from headwater.tracking import validate
from headwater.tracking.existing import require_active_run
from headwater.tracking.service import TrackingService


async def set_tag(service: TrackingService, run_id: str, key: str, value: str) -> None:
    """Set a tag of an active run; the tag of its name renames it, unless empty.

    Raises:
        NotFoundError: there is no such run.
        NotServedError: it is deleted, or the tag is not ordinary.
    """
    validate.run_id(run_id)
    item = (validate.key(key), validate.tag_value(value))

    def store(connection: Connection) -> None:
        require_active_run(connection, run_id)
        if key != tags.RUN_NAME:
            tags.upsert(connection, run_id, [item])
        elif value:
            runs.rename(connection, run_id, value)

    await service.database.write(store)
