"""Search experiments."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from headwater.entities.experiment import Experiment
from headwater.entities.search import Condition, ExperimentSearch, Operator, Ordering, Page
from headwater.errors import NotServedError
from headwater.mlflow_release import Behaviour
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.experiments import load_experiments
from headwater.storage.metadata.search_experiments import find_experiments
from headwater.tracking.run_filter import plan_filter
from headwater.tracking.search_filter import (
    NULL_CHECKS,
    condition,
    states_integer,
    states_list,
    states_text,
)
from headwater.tracking.search_grammar import Clause, parse_filter, parse_ordering
from headwater.tracking.search_runs import LARGEST_PAGE
from headwater.tracking.service import TrackingService
from headwater.tracking.validate import searched_experiment_id

_TIMES = frozenset({"creation_time", "last_update_time"})
_ORDER_KEYS = _TIMES | {"name", "experiment_id"}
_DEFAULT_ORDER = (
    Ordering("attribute", "creation_time", False),
    Ordering("attribute", "experiment_id", True),
)
_MOST_ORDERINGS = 10


@dataclass(frozen=True, slots=True)
class FoundExperiments:
    """A page of experiments."""

    experiments: list[Experiment]
    next_offset: int | None
    """Where the next page begins, or None after the last."""


def plan_search_experiments(
    stages: tuple[str, ...],
    filter_text: str,
    order_by: Sequence[str],
    page: Page,
    behaviour: Behaviour,
    now_ms: int,
) -> ExperimentSearch:
    """Return what a request asks for at a time in milliseconds since 1970.

    Raises:
        InvalidParameterError: the filter is meant for the superset, which does not know it.
        NotServedError: MLflow must answer, be it with a refusal.
    """
    if not 1 <= page.limit <= LARGEST_PAGE or len(order_by) > _MOST_ORDERINGS:
        raise NotServedError("an unusual page or number of orderings")
    orderings = tuple(_ordering(text) for text in order_by) or _DEFAULT_ORDER
    wanted = plan_filter(
        filter_text,
        "experiments",
        now_ms,
        lambda text: tuple(_condition(clause, behaviour) for clause in parse_filter(text)),
    )
    return ExperimentSearch(stages, wanted.conditions, orderings, page, wanted.expression)


async def search_experiments(
    service: TrackingService, search: ExperimentSearch
) -> FoundExperiments:
    """Return a page of the experiments that a search finds."""

    def find(connection: Connection) -> FoundExperiments:
        page = search.page
        ids = find_experiments(connection, search)
        more = len(ids) > page.limit
        return FoundExperiments(
            load_experiments(connection, ids[: page.limit]),
            page.offset + page.limit if more else None,
        )

    return await service.database.read(find)


def _condition(clause: Clause, behaviour: Behaviour) -> Condition:
    """Return the condition that a clause states; unlike for runs, case matters in LIKE."""
    if clause.entity == "attribute":
        if clause.key == "experiment_id" and behaviour.filters_experiment_ids:
            return _id_condition(clause)
        is_text = clause.key == "name" and states_text(clause, clause.operator)
        if is_text or (clause.key in _TIMES and states_integer(clause)):
            return condition("attribute", clause.key, clause.operator, clause)
    if clause.entity in ("tag", "tags") and (
        states_text(clause, clause.operator) or clause.operator in NULL_CHECKS
    ):
        return condition("tag", clause.key, clause.operator, clause)
    raise NotServedError(f"an unusual comparison: {clause}")


def _id_condition(clause: Clause) -> Condition:
    value = clause.value
    if states_list(clause) and clause.operator in ("IN", "NOT IN") and isinstance(value, tuple):
        ids = tuple(map(searched_experiment_id, value))
        return Condition("attribute", clause.key, cast(Operator, clause.operator), ids)
    if clause.operator in ("=", "!=") and isinstance(value, str):
        number = searched_experiment_id(value)
        return Condition("attribute", clause.key, cast(Operator, clause.operator), number)
    raise NotServedError(f"an unusual comparison: {clause}")


def _ordering(text: str) -> Ordering:
    entity, key, ascending = parse_ordering(text)
    if entity != "attribute" or key not in _ORDER_KEYS:
        raise NotServedError(f"an unusual ordering: {text}")
    return Ordering("attribute", key, ascending)
