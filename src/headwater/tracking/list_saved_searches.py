"""The saved searches of a place."""

from headwater.entities.project_path import is_within
from headwater.entities.saved_search import SavedSearch
from headwater.storage.metadata import saved_searches
from headwater.tracking.saved_search import require_scope
from headwater.tracking.service import TrackingService


async def list_saved_searches(
    service: TrackingService, project: str | None, experiment_id: str | None
) -> list[SavedSearch]:
    """Return the searches of an experiment, or of a project and those below it, or all.

    Raises:
        InvalidParameterError: both are given, or one that is none.
    """
    scope = require_scope(project, experiment_id)
    found = await service.database.read(saved_searches.find_all)
    if scope.experiment_id is not None:
        return [search for search in found if search.scope == scope]
    if scope.project:
        return [
            search
            for search in found
            if search.scope.project and is_within(search.scope.project, scope.project)
        ]
    return found
