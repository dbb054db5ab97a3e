"""Find the runs that an analysis is of, and make one number of their metric, in one snapshot."""

from collections.abc import Mapping, Sequence

import numpy as np

from headwater.entities.project_path import is_within, path_of_tag
from headwater.entities.reduction import Reduction
from headwater.entities.run_selection import Where
from headwater.entities.search import RunSearch
from headwater.errors import InvalidParameterError, NotFoundError
from headwater.mlflow_release import Behaviour
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.compared_runs import latest_metric
from headwater.storage.metadata.experiments import active_ids
from headwater.storage.metadata.find_runs import find_runs
from headwater.storage.metadata.projects import activities
from headwater.storage.metrics.series_facts import series_facts
from headwater.tracking.clock import now
from headwater.tracking.existing import named_experiments
from headwater.tracking.reduce_series import as_infinite, reduce_series
from headwater.tracking.search_run_table import plan_table
from headwater.tracking.service import TrackingService
from headwater.wire.search_run_table import TableQuery

_ACTIVE = ("active",)


def selected_experiments(connection: Connection, where: Where) -> list[str]:
    """Return the ids of the experiments that are named; of all where none is.

    Raises:
        NotFoundError: there is no experiment or project of a name.
    """
    if not (where.experiment_ids or where.experiment_names or where.project is not None):
        return list(map(str, active_ids(connection)))
    found = [
        *where.experiment_ids,
        *map(str, named_experiments(connection, where.experiment_names)),
    ]
    if where.project is not None:
        path = path_of_tag(where.project)
        within = [
            str(each.experiment_id)
            for each in activities(connection, _ACTIVE)
            if is_within(path_of_tag(each.tag), path)
        ]
        if not within:
            raise NotFoundError(f"There is no project {path!r}")
        found += within
    return list(dict.fromkeys(found))


def plan_search(
    text: str, experiment_ids: Sequence[str], behaviour: Behaviour, now_ms: int, most: int
) -> RunSearch:
    """Return the search for up to `most` active runs of experiments that match a filter.

    Raises:
        InvalidParameterError: the filter cannot be served; says why.
    """
    query = TableQuery(
        experiment_ids=experiment_ids,
        stages=_ACTIVE,
        filter=text,
        order_by=(),
        attributes=("run_id",),
        metrics=(),
        params=(),
        tags=(),
        group_by=(),
        aggregates=(),
        histogram=None,
        bins=1,
        count=False,
        max_results=most,
    )
    return plan_table(query, behaviour, now_ms).search


def matching_runs(
    connection: Connection, service: TrackingService, search: RunSearch, what: str
) -> list[str]:
    """Return the ids of all runs that a search finds.

    Raises:
        InvalidParameterError: they are more than its limit; `what` names them.
    """
    limit = search.page.limit
    if not search.experiment_ids:
        return []
    found = find_runs(
        connection,
        search,
        series_facts(connection, search),
        nan_never_matches=service.behaviour.nan_never_matches,
    )
    if len(found) > limit:
        raise InvalidParameterError(f"more than {limit:,} runs are in {what}; narrow its filter")
    return found


def selected_runs(
    connection: Connection, service: TrackingService, where: Where, most: int
) -> list[str]:
    """Return the ids of the runs that are meant, in an order that tells nothing of the search.

    Raises:
        InvalidParameterError: the filter cannot be served, or they are more than `most`.
        NotFoundError: there is no experiment or project of a name.
    """
    ids = selected_experiments(connection, where)
    search = plan_search(where.filter, ids, service.behaviour, now(), most)
    return sorted(matching_runs(connection, service, search, "the selection"))


def reduced_values(
    connection: Connection,
    service: TrackingService,
    run_ids: Sequence[str],
    key: str,
    reduction: Reduction,
) -> Mapping[str, tuple[float | None, int]]:
    """Return the reduced metric and the last step of the runs that have the metric.

    No value stands for NaN and infinities, which JSON does not have.
    """
    latest = latest_metric(connection, run_ids, key)
    found: dict[str, tuple[float | None, int]] = {}
    for run_id, (value, step) in latest.items():
        if reduction.kind == "last":
            reduced = float(as_infinite(np.array([value]))[0])
        else:
            series = service.metrics.history(connection, run_id, key)
            reduced = float("nan") if series is None else reduce_series(series, reduction)
        found[run_id] = (reduced if np.isfinite(reduced) else None, step)
    return found
