"""Plans which runs are compared: groups of filters, lists and parents, or by columns' values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headwater.entities.run_field import RunField, parse_column
from headwater.entities.search import RunSearch
from headwater.errors import InvalidParameterError
from headwater.mlflow_release import Behaviour
from headwater.tracking.selected_runs import plan_search
from headwater.wire.compare import CompareRequest, GroupQuery

MOST_RUNS = 20_000
"""Of one group, or of all where columns make groups."""


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """How one group is found."""

    name: str
    selection: str
    search: RunSearch


@dataclass(frozen=True, slots=True)
class ComparePlan:
    """What is read: a search a group, or one search whose runs `group_by` divides."""

    groups: tuple[GroupPlan, ...]
    group_by: tuple[RunField, ...]
    pair: RunField | None


def plan_groups(
    wanted: CompareRequest, experiment_ids: Sequence[str], behaviour: Behaviour, now_ms: int
) -> ComparePlan:
    """Return how to find the groups in these experiments.

    Raises:
        InvalidParameterError: a filter or column cannot be served; says which and why.
    """
    paired_by = wanted.question.paired_by
    pair = None if paired_by is None else _column("paired_by", paired_by)
    columns = tuple(_column("group_by", text) for text in wanted.group_by)

    def search_for(text: str) -> RunSearch:
        return plan_search(text, experiment_ids, behaviour, now_ms, MOST_RUNS)

    # Each text by itself first, so that a mistake is pointed at in the text that holds it.
    _check_filter(search_for, "filter", wanted.where.filter)
    plans = []
    for number, group in enumerate(list(wanted.groups) or [GroupQuery()]):
        _check_filter(search_for, f"groups[{number}].filter", group.filter)
        text = _filter(wanted.where.filter, group)
        plans.append(GroupPlan(group.name or _named(group), text or "all runs", search_for(text)))
    _check_names(plans)
    return ComparePlan(tuple(_candidate_first(plans, wanted)), columns, pair)


def _check_filter(search_for: Callable[[str], RunSearch], parameter: str, text: str) -> None:
    try:
        search_for(text)
    except InvalidParameterError as error:
        raise InvalidParameterError(
            f"Invalid value for parameter '{parameter}': {error}"
        ) from error


def _candidate_first(plans: Sequence[GroupPlan], wanted: CompareRequest) -> list[GroupPlan]:
    if wanted.candidate is None or wanted.group_by:
        return list(plans)
    first = [plan for plan in plans if plan.name == wanted.candidate]
    if not first:
        raise InvalidParameterError(
            f"Invalid value for parameter 'candidate': {wanted.candidate!r} is none of "
            f"{', '.join(plan.name for plan in plans)}"
        )
    return [*first, *(plan for plan in plans if plan.name != wanted.candidate)]


def _check_names(plans: Sequence[GroupPlan]) -> None:
    names = [plan.name for plan in plans]
    for name in names:
        if names.count(name) > 1:
            raise InvalidParameterError(
                f"Invalid value for parameter 'groups': two groups are called {name!r}; give each "
                "a 'name' of its own"
            )


def _named(group: GroupQuery) -> str:
    """Return what a group without a name is called."""
    if group.filter:
        return group.filter
    if group.parent_run_id:
        return f"children of {group.parent_run_id}"
    return f"{group.run_ids[0]} and {len(group.run_ids) - 1} more" if group.run_ids else "all"


def _filter(common: str, group: GroupQuery) -> str:
    parts = [common.strip(), group.filter.strip()]
    if group.run_ids:
        parts.append(f"attributes.run_id IN ({', '.join(map(_quoted, group.run_ids))})")
    if group.parent_run_id:
        parts.append(f"tags.`mlflow.parentRunId` = {_quoted(group.parent_run_id)}")
    given = [part for part in parts if part]
    return given[0] if len(given) == 1 else " AND ".join(f"({part})" for part in given)


def _quoted(value: str) -> str:
    if not value.isalnum():
        raise InvalidParameterError(
            f"Invalid value for parameter 'groups': {value[:50]!r} is no id of a run"
        )
    return f"'{value}'"


def _column(parameter: str, text: str) -> RunField:
    try:
        return parse_column(text)
    except InvalidParameterError as error:
        raise InvalidParameterError(
            f"Invalid value for parameter '{parameter}': {error}"
        ) from error
