"""Which runs no other one beats: read their metrics, leave the rest to the analysis."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass

from headwater.entities.pareto_front import JudgedRun, RunFront, UnusableRun
from headwater.entities.reduction import Reduction, parse_reduction
from headwater.entities.run_field import RunField
from headwater.errors import InvalidParameterError
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.run_columns import load_columns
from headwater.tracking.analysis_thread import analysed
from headwater.tracking.selected_runs import reduced_values, selected_runs
from headwater.tracking.service import TrackingService
from headwater.wire.pareto import ParetoRequest

MOST_RUNS = 20_000


@dataclass(frozen=True, slots=True)
class _Run:
    run_id: str
    name: str | None
    values: tuple[float | None, ...]


async def pareto(service: TrackingService, wanted: ParetoRequest) -> RunFront:
    """Return the Pareto front of runs, from one snapshot of them.

    Raises:
        InvalidParameterError: a field cannot be served; says which and why.
        NotFoundError: there is no experiment or project of a name.
        StatementTimeoutError: the search took too long.
    """
    reduction = parse_reduction(wanted.reduction)
    runs = await service.database.search(
        lambda connection: _read(connection, service, wanted, reduction), service.search_seconds
    )
    return await analysed(lambda: _judged(wanted, runs))


def _read(
    connection: Connection, service: TrackingService, wanted: ParetoRequest, reduction: Reduction
) -> list[_Run]:
    run_ids = selected_runs(connection, service, wanted.where, MOST_RUNS)
    columns = []
    for objective in wanted.objectives:
        found = reduced_values(connection, service, run_ids, objective.metric, reduction)
        if not found:
            raise InvalidParameterError(
                f"Invalid value for parameter 'objectives': none of the {len(run_ids):,} runs that "
                f"are selected has {objective.metric!r}"
            )
        columns.append([found.get(run_id, (None, None))[0] for run_id in run_ids])
    (names,) = load_columns(connection, run_ids, [RunField("attribute", "run_name")])
    rows = zip(run_ids, names.values, zip(*columns, strict=True), strict=True)
    return [_Run(run_id, name, values) for run_id, name, values in rows]


def _judged(wanted: ParetoRequest, runs: Sequence[_Run]) -> RunFront:
    # Loaded with the first request, as what it is made of.
    analysis = importlib.import_module("headwater.analysis.pareto")
    directions = [each.direction for each in wanted.objectives]
    points = [[_number(value) for value in run.values] for run in runs]
    found = analysis.pareto_front(points, directions)
    volume = None
    warnings = []
    if wanted.reference is not None:
        volume = analysis.hypervolume(points, wanted.reference, directions)
        if volume == 0:
            warnings.append(
                "No run is better than the reference point in every objective; choose a worse one."
            )
    front, without = set(found.front), set(found.unusable)
    if without:
        warnings.append(
            f"{len(without):,} of {len(runs):,} runs lack a finite value of an objective and were "
            "left out."
        )
    rest = (place for place in range(len(runs)) if place not in front and place not in without)
    return RunFront(
        tuple(wanted.objectives),
        tuple(_run(runs[place], place in front) for place in (*found.front, *rest)),
        tuple(tuple(runs[place].run_id for place in places) for places in found.duplicates),
        tuple(_unusable(runs[place], wanted) for place in found.unusable),
        None if wanted.reference is None else tuple(wanted.reference),
        volume,
        tuple(warnings),
    )


def _run(run: _Run, on_front: bool) -> JudgedRun:
    values = tuple(value for value in run.values if value is not None)
    return JudgedRun(run.run_id, run.name, values, on_front)


def _unusable(run: _Run, wanted: ParetoRequest) -> UnusableRun:
    pairs = zip(wanted.objectives, run.values, strict=True)
    return UnusableRun(run.run_id, tuple(each.metric for each, value in pairs if value is None))


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
