"""Change a saved search."""

from collections.abc import Sequence
from dataclasses import replace

from headwater.entities.saved_search import SavedSearch
from headwater.errors import AlreadyExistsError, NotServedError
from headwater.storage.metadata import saved_searches
from headwater.storage.metadata.base import Connection
from headwater.tracking import saved_search as rules
from headwater.tracking.clock import now
from headwater.tracking.service import TrackingService


async def update_saved_search(
    service: TrackingService,
    search_id: str,
    name: str | None = None,
    text: str | None = None,
    order_by: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
) -> SavedSearch:
    """Change what is not None and return the search as it is then.

    Raises:
        NotFoundError: there is none of that id.
        AlreadyExistsError: another search of its scope has the name.
        InvalidParameterError: a value is one that a search cannot have.
    """
    new_name = None if name is None else rules.require_name(name)
    new_filter = None if text is None else rules.require_filter(text)
    new_order = None if order_by is None else rules.require_order_by(order_by)
    new_columns = None if columns is None else rules.require_columns(columns)

    def update(connection: Connection) -> SavedSearch:
        found = saved_searches.lock(connection, search_id)
        if found is None:
            raise rules.not_found(search_id)
        search = replace(
            found,
            name=found.name if new_name is None else new_name,
            filter=found.filter if new_filter is None else new_filter,
            order_by=found.order_by if new_order is None else new_order,
            columns=found.columns if new_columns is None else new_columns,
            updated_at=now(),
        )
        if saved_searches.named(connection, search.scope, search.name) not in (None, search_id):
            raise rules.name_taken(search.name, search.scope)
        saved_searches.update(connection, search)
        return search

    try:
        return await service.database.write(update)
    except NotServedError as error:
        raise AlreadyExistsError(
            f"Another search took the name {name!r} meanwhile; choose another 'name'"
        ) from error
