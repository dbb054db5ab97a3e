"""Log a parameter of a run."""

from headwater.errors import NotServedError
from headwater.storage.metadata import params
from headwater.storage.metadata.base import Connection
from headwater.tracking import validate
from headwater.tracking.existing import require_active_run
from headwater.tracking.service import TrackingService


async def log_parameter(service: TrackingService, run_id: str, key: str, value: str) -> None:
    """Store a parameter of an active run; the same value again changes nothing.

    Raises:
        NotFoundError: there is no such run.
        NotServedError: it is deleted, or the parameter has another value or is not ordinary.
    """
    validate.run_id(run_id)
    item = (validate.key(key), validate.param_value(value))

    def store(connection: Connection) -> None:
        require_active_run(connection, run_id)
        stored = params.insert_missing(connection, run_id, [item])
        if stored and stored[key] != value:
            raise NotServedError(f"parameter {key!r} has another value already")

    await service.database.write(store)
