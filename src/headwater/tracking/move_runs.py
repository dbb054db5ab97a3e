"""Move runs to another experiment."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from headwater.errors import ConflictError, InvalidParameterError, NotFoundError, NotServedError
from headwater.storage.metadata import experiments, runs
from headwater.storage.metadata import move_runs as stored
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.move_runs import FoundRun
from headwater.tracking import validate
from headwater.tracking.existing import experiment_not_found
from headwater.tracking.service import TrackingService

_MOST_RUNS = 100_000
"""With all that is nested below them."""

_MOST_NAMED = 5
"""Runs that a refusal names."""


@dataclass(frozen=True, slots=True)
class MovedRuns:
    """What a move did."""

    experiment_id: int
    moved: Sequence[tuple[str, int]]
    """Each run that has moved and the experiment that it was in."""

    unchanged: Sequence[str]
    """Runs that were in the experiment already."""

    models: int
    """Logged models that went along."""

    traces: int
    """Traces that went along."""


async def move_runs(
    service: TrackingService, run_ids: Sequence[str], experiment_id: str, *, children: bool
) -> MovedRuns:
    """Move all of the runs or, where one cannot be, none.

    With them go the logged models and the traces that they made in their experiment and, with
    `children`, the runs below them in the same experiment, deleted ones as well. Artifacts stay
    where they are.

    Raises:
        NotFoundError: there is no such run or experiment.
        InvalidParameterError: a named run or the experiment is deleted, or an id is not one.
    """
    try:
        target = validate.experiment_id(experiment_id)
        wanted = [validate.run_id(run_id) for run_id in dict.fromkeys(run_ids)]
    except NotServedError as error:
        raise InvalidParameterError(f"Nothing was moved: {error}") from error

    def move(connection: Connection) -> MovedRuns:
        _require_target(connection, target)
        found = _lock(connection, wanted, children)
        _require_active(found, wanted)
        sources = {run.run_id: run.experiment_id for run in found.values()}
        moving = {run_id: source for run_id, source in sources.items() if source != target}
        models, traces = stored.move(
            connection, moving, target, sums_traces=service.behaviour.sums_traces
        )
        order = [*wanted, *sorted(found.keys() - set(wanted))]
        return MovedRuns(
            target,
            [(run_id, moving[run_id]) for run_id in order if run_id in moving],
            [run_id for run_id in wanted if run_id not in moving],
            models,
            traces,
        )

    try:
        return await service.database.write(move, long=True)
    except NotServedError as error:
        raise ConflictError(
            f"Nothing was moved: the runs were changed meanwhile ({error}); try again"
        ) from error


def _require_target(connection: Connection, experiment_id: int) -> None:
    stage = experiments.locked_stage(connection, experiment_id)
    if stage is None:
        raise experiment_not_found(experiment_id)
    if stage != runs.ACTIVE:
        raise InvalidParameterError(
            f"Nothing was moved: experiment {experiment_id} is {stage}; restore it first"
        )


def _lock(
    connection: Connection, wanted: Collection[str], children: bool
) -> Mapping[str, FoundRun]:
    """Lock the runs that are to move; what is nested below them is looked for again once they are.

    Another server may have moved, or nested, some of them while this one waited.
    """
    found: dict[str, FoundRun] = {}
    missing = set(wanted)
    while missing:
        found |= {run.run_id: run for run in stored.lock_runs(connection, sorted(missing))}
        if lost := missing - found.keys():
            raise NotFoundError(f"Nothing was moved: there is no run {_named(lost)}")
        below = stored.descendants(connection, wanted) if children else set()
        missing = below - found.keys()
        if len(found) + len(missing) > _MOST_RUNS:
            raise InvalidParameterError(
                f"Nothing was moved: more than {_MOST_RUNS:,} runs are nested below those of "
                "'run_ids'; send several requests, or set 'children' to false"
            )
    return found


def _require_active(found: Mapping[str, FoundRun], wanted: Collection[str]) -> None:
    deleted = [run_id for run_id in wanted if found[run_id].stage != runs.ACTIVE]
    if deleted:
        raise InvalidParameterError(
            f"Nothing was moved: 'run_ids' has deleted runs, {_named(deleted)}; "
            "restore them first, or leave them out"
        )


def _named(run_ids: Collection[str]) -> str:
    shown = sorted(run_ids)[:_MOST_NAMED]
    more = len(run_ids) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")
