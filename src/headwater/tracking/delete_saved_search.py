"""Delete a saved search."""

from headwater.storage.metadata import saved_searches
from headwater.tracking.saved_search import not_found
from headwater.tracking.service import TrackingService


async def delete_saved_search(service: TrackingService, search_id: str) -> None:
    """Delete a saved search; the runs that it finds stay as they are.

    Raises:
        NotFoundError: there is none of that id.
    """
    if not await service.database.write(
        lambda connection: saved_searches.delete(connection, search_id)
    ):
        raise not_found(search_id)
