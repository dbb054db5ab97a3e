"""A saved search."""

from headwater.entities.saved_search import SavedSearch
from headwater.storage.metadata import saved_searches
from headwater.tracking.saved_search import not_found
from headwater.tracking.service import TrackingService


async def get_saved_search(service: TrackingService, search_id: str) -> SavedSearch:
    """Return a saved search.

    Raises:
        NotFoundError: there is none of that id.
    """
    found = await service.database.read(
        lambda connection: saved_searches.find(connection, search_id), brief=True
    )
    if found is None:
        raise not_found(search_id)
    return found
