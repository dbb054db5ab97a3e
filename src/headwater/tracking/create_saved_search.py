"""Save a search under a name."""

import uuid
from collections.abc import Sequence

from headwater.entities.saved_search import SavedSearch
from headwater.storage.metadata import experiments, saved_searches
from headwater.storage.metadata.base import Connection
from headwater.tracking import saved_search as rules
from headwater.tracking.clock import now
from headwater.tracking.existing import experiment_not_found
from headwater.tracking.service import TrackingService


async def create_saved_search(
    service: TrackingService,
    name: str,
    project: str | None,
    experiment_id: str | None,
    text: str,
    order_by: Sequence[str],
    columns: Sequence[str],
) -> SavedSearch:
    """Save a search for runs of a project, of an experiment or of all.

    Raises:
        AlreadyExistsError: the scope has a search of that name.
        NotFoundError: there is no such experiment.
        InvalidParameterError: a value is one that a search cannot have.
    """
    moment = now()
    search = SavedSearch(
        uuid.uuid4().hex,
        rules.require_name(name),
        rules.require_scope(project, experiment_id),
        rules.require_filter(text),
        rules.require_order_by(order_by),
        rules.require_columns(columns),
        moment,
        moment,
    )

    def create(connection: Connection) -> None:
        number = search.scope.experiment_id
        if number is not None and experiments.locked_stage(connection, number) is None:
            raise experiment_not_found(number)
        if not saved_searches.insert(connection, search):
            raise rules.name_taken(search.name, search.scope)

    await service.database.write(create)
    return search
