"""Search runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.entities.run import Run
from headwater.entities.search import Page, RunSearch
from headwater.errors import NotServedError
from headwater.mlflow_release import Behaviour
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.find_runs import find_runs
from headwater.storage.metadata.run_data import load_runs
from headwater.storage.metrics.series_facts import series_facts
from headwater.tracking import validate
from headwater.tracking.run_filter import plan_run_filter
from headwater.tracking.run_ordering import run_orderings
from headwater.tracking.service import TrackingService

LARGEST_PAGE = 50_000
"""As MLflow allows."""

_MOST_EXPERIMENTS = 10_000


@dataclass(frozen=True, slots=True)
class FoundRuns:
    """A page of runs."""

    runs: list[Run]
    next_offset: int | None
    """Where the next page begins, or None after the last."""


def plan_search_runs(
    experiment_ids: Sequence[str],
    stages: tuple[str, ...],
    filter_text: str,
    order_by: Sequence[str],
    page: Page,
    behaviour: Behaviour,
    now_ms: int,
) -> RunSearch:
    """Return what a request asks for at a time in milliseconds since 1970.

    Raises:
        InvalidParameterError: the filter is meant for the superset, which does not know it.
        NotServedError: MLflow must answer, be it with a refusal.
    """
    if not 1 <= page.limit <= LARGEST_PAGE or len(experiment_ids) > _MOST_EXPERIMENTS:
        raise NotServedError("an unusual page or number of experiments")
    orderings = run_orderings(order_by)
    wanted = plan_run_filter(filter_text, behaviour, now_ms)
    return RunSearch(
        tuple(map(validate.searched_experiment_id, experiment_ids)),
        stages,
        wanted.conditions,
        orderings,
        page,
        wanted.expression,
    )


async def search_runs(service: TrackingService, search: RunSearch) -> FoundRuns:
    """Return a page of the runs that a search finds."""
    if not search.experiment_ids:
        return FoundRuns([], None)
    nan_never_matches = service.behaviour.nan_never_matches

    def find(connection: Connection) -> FoundRuns:
        page = search.page
        facts = series_facts(connection, search)
        run_ids = find_runs(
            connection,
            search,
            facts,
            nan_never_matches=nan_never_matches,
        )
        more = len(run_ids) > page.limit
        runs = load_runs(connection, run_ids[: page.limit], model_inputs=False)
        return FoundRuns(runs, page.offset + page.limit if more else None)

    return await service.database.search(find, service.search_seconds)
