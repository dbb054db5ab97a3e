"""Read what the processes of a run have told of themselves."""

from collections.abc import Sequence

from headwater.errors import NotFoundError
from headwater.storage.metadata import run_captures, runs
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.run_captures import StoredCapture
from headwater.tracking.existing import run_not_found
from headwater.tracking.service import TrackingService

_MOST_RANKS = 1_000


async def run_capture(service: TrackingService, run_id: str) -> Sequence[StoredCapture]:
    """Return what the first 1,000 ranks have told.

    Raises:
        NotFoundError: there is no such run.
    """

    def read(connection: Connection) -> Sequence[StoredCapture]:
        if runs.info(connection, run_id) is None:
            raise run_not_found(run_id)
        return run_captures.of_run(connection, run_id, _MOST_RANKS)

    return await service.database.read(read)


async def run_diff(service: TrackingService, run_id: str, rank: int) -> bytes:
    """Return the difference of a rank's working tree to its commit, as git writes it.

    Raises:
        NotFoundError: there is no such run, or the rank has told of none.
    """

    def read(connection: Connection) -> bytes:
        if runs.info(connection, run_id) is None:
            raise run_not_found(run_id)
        found = run_captures.diff(connection, run_id, rank)
        if found is None:
            raise NotFoundError(f"Rank {rank} of run {run_id} has told of no difference to git")
        return found

    return await service.database.read(read)
