"""Compare groups of runs: find them, reduce their metric, judge."""

import importlib
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from headwater.entities.reduction import Reduction, parse_reduction
from headwater.entities.run_field import RunField
from headwater.entities.verdict import Group, Observation, Verdict
from headwater.errors import InvalidParameterError
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.compared_runs import param_keys, tag_keys
from headwater.storage.metadata.run_columns import load_columns
from headwater.tracking.analysis_thread import analysed
from headwater.tracking.clock import now
from headwater.tracking.compared_groups import ComparePlan, GroupPlan, plan_groups
from headwater.tracking.selected_runs import matching_runs, reduced_values, selected_experiments
from headwater.tracking.service import TrackingService
from headwater.wire.compare import MOST_GROUPS, CompareRequest

_PAIRS = re.compile(r"(^|[._/-])(seed|random_state|fold|split|dataset|task|env)s?([._/-]|$)", re.I)
"""Params and tags by which runs are usually paired."""

_LOOKED_AT = 1_000
"""Runs that are looked through for such ones."""

_USUAL = tuple(RunField("attribute", key) for key in ("run_id", "status", "duration"))


async def compare(service: TrackingService, wanted: CompareRequest) -> Verdict:
    """Return the verdict on what is asked, from one snapshot of the runs.

    Raises:
        InvalidParameterError: a filter, column or option cannot be served, a group is empty, or the
            question has no answer; says which and why.
        NotFoundError: there is no experiment or project of a name.
        StatementTimeoutError: the search took too long.
    """
    reduction = parse_reduction(wanted.question.reduction)

    def read(connection: Connection) -> tuple[list[Group], str | None]:
        ids = selected_experiments(connection, wanted.where)
        plan = plan_groups(wanted, ids, service.behaviour, now())
        return _Reader(connection, service, wanted, reduction).groups(plan)

    groups, could_pair_by = await service.database.search(read, service.search_seconds)
    # Loaded with the first comparison: scipy would make every server twice as large.
    judge = importlib.import_module("headwater.verdicts.judge").judge
    verdict: Verdict = await analysed(lambda: judge(wanted.question, groups, could_pair_by))
    return verdict


class _Reader:
    """Reads groups from one snapshot."""

    def __init__(
        self,
        connection: Connection,
        service: TrackingService,
        wanted: CompareRequest,
        reduction: Reduction,
    ) -> None:
        self._connection = connection
        self._service = service
        self._wanted = wanted
        self._reduction = reduction

    def groups(self, plan: ComparePlan) -> tuple[list[Group], str | None]:
        """Return the groups, and by what their runs would pair if that is not asked for."""
        found = []
        members: dict[str, list[str]] = {}
        for group in plan.groups:
            run_ids = self._run_ids(group)
            parts = self._divided(run_ids, group, plan) if plan.group_by else {group.name: run_ids}
            for name, ids in parts.items():
                members[name] = ids
                found.append(Group(name, group.selection, self._observations(ids, plan.pair)))
        for each in found:
            if not each.runs:
                raise InvalidParameterError(
                    f"no run is in the group {each.name!r}; check its filter ({each.selection}) "
                    "and the experiments"
                )
        could = None if plan.pair is not None else self._common_pairing(list(members.values()))
        return found, could

    def _run_ids(self, group: GroupPlan) -> list[str]:
        what = f"the group {group.name!r}"
        return matching_runs(self._connection, self._service, group.search, what)

    def _divided(
        self, run_ids: Sequence[str], group: GroupPlan, plan: ComparePlan
    ) -> dict[str, list[str]]:
        """Return the runs by the values of the columns that make groups, the candidate first."""
        columns = load_columns(self._connection, run_ids, plan.group_by)
        parts: dict[str, list[str]] = defaultdict(list)
        for run_id, values in zip(
            run_ids, zip(*(column.values for column in columns), strict=True), strict=True
        ):
            if all(value is not None for value in values):
                pairs = zip(plan.group_by, values, strict=True)
                parts[", ".join(f"{field.name} = {value}" for field, value in pairs)].append(run_id)
        names = sorted(parts)
        if not 2 <= len(names) <= MOST_GROUPS:
            raise InvalidParameterError(
                f"Invalid value for parameter 'group_by': {len(names)} groups of {group.selection}"
                f"; 2 to {MOST_GROUPS} can be compared"
            )
        if self._wanted.candidate is not None:
            chosen = [name for name in names if _is_candidate(name, self._wanted.candidate)]
            if len(chosen) != 1:
                raise InvalidParameterError(
                    f"Invalid value for parameter 'candidate': {self._wanted.candidate!r} is not "
                    f"one of {', '.join(names)}"
                )
            names = [*chosen, *(name for name in names if name not in chosen)]
        return {name: parts[name] for name in names}

    def _observations(
        self, run_ids: Sequence[str], pair: RunField | None
    ) -> tuple[Observation, ...]:
        fields = [*_USUAL, *([] if pair is None or pair in _USUAL else [pair])]
        columns = {
            each.name: each.values for each in load_columns(self._connection, run_ids, fields)
        }
        values = reduced_values(
            self._connection,
            self._service,
            run_ids,
            self._wanted.question.metric,
            self._reduction,
        )
        pairs: Sequence[Any] = [None] * len(run_ids) if pair is None else columns[pair.name]
        found = []
        for place, run_id in enumerate(run_ids):
            value, step = values.get(run_id, (None, None))
            shared = pairs[place]
            found.append(
                Observation(
                    run_id,
                    value,
                    columns["status"][place] or "FINISHED",
                    None if shared is None else str(shared),
                    step,
                    columns["duration"][place],
                )
            )
        # In an order that does not depend on how they were found.
        return tuple(sorted(found, key=lambda each: each.run_id))

    def _common_pairing(self, groups: Sequence[Sequence[str]]) -> str | None:
        """Return a param or tag like a seed, of which runs of all groups share two values."""
        looked_at = [run_ids[:_LOOKED_AT] for run_ids in groups]
        some = [run_id for run_ids in looked_at for run_id in run_ids][:_LOOKED_AT]
        columns = [
            *(RunField("param", key) for key in param_keys(self._connection, some)),
            *(RunField("tag", key) for key in tag_keys(self._connection, some)),
        ]
        for field in columns:
            if not _PAIRS.search(field.key):
                continue
            values = [
                set(load_columns(self._connection, run_ids, [field])[0].values) - {None}
                for run_ids in looked_at
            ]
            if len(set.intersection(*values)) >= 2:
                return field.name
        return None


def _is_candidate(name: str, candidate: str) -> bool:
    """Say whether a group of one column is meant: by its whole name, or the value alone."""
    return candidate in (name, name.partition(" = ")[2])
