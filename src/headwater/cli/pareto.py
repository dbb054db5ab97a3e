"""``headwater runs pareto``: the runs that no other one beats in several metrics."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, cast, get_args

import typer

from headwater.cli import table
from headwater.cli.experiments import experiment_ids
from headwater.cli.options import Among, Csv, Filter, Json, Reduction, TrackingUri, WithinProject
from headwater.cli.table import Column
from headwater.client import pareto as client
from headwater.client.connection import connect
from headwater.entities.pareto_front import Direction, RunFront


def register(runs: typer.Typer) -> None:
    """Add the subcommand."""
    runs.command("pareto")(pareto)


def pareto(
    metric: Annotated[
        list[str],
        typer.Option(
            "--metric", "-m", metavar="METRIC:max|min", help="An objective; give two or more."
        ),
    ],
    experiment: Among = None,
    project: WithinProject = None,
    text: Filter = None,
    reduction: Reduction = "last",
    reference: Annotated[
        str | None,
        typer.Option(metavar="X,Y[,Z]", help="The reference point of the hypervolume."),
    ] = None,
    tracking_uri: TrackingUri = None,
    json_output: Json = False,
    csv_output: Csv = False,
) -> None:
    """List the runs that no other one beats in all objectives: the Pareto front."""
    table.require_one_format(json_output, csv_output)
    objectives = _objectives(metric)
    point = None if reference is None else _point(reference)
    with connect(tracking_uri) as server:
        ids = experiment_ids(server, experiment or ())
    found = client.pareto(
        objectives,
        experiment_ids=ids,
        project=project,
        filter=text or "",
        reduction=reduction,
        reference=point,
        tracking_uri=tracking_uri,
    )
    if json_output:
        table.print_json(asdict(found))
    else:
        _print(found, as_csv=csv_output)
    for warning in found.warnings:
        table.note(f"Warning: {warning}")


def _print(found: RunFront, *, as_csv: bool) -> None:
    metrics = [each.metric for each in found.objectives]
    columns = [Column("run_id", "id"), Column("run_name")]
    columns += [Column(f"metrics.{key}", "number", key) for key in metrics]
    rows: Sequence[dict[str, Any]] = [
        {
            "run_id": run.run_id,
            "run_name": run.run_name,
            **{f"metrics.{key}": value for key, value in zip(metrics, run.values, strict=True)},
        }
        for run in found.front
    ]
    table.print_rows(columns, rows, as_csv=as_csv, empty="No run has a value of every objective.")
    if found.hypervolume is not None:
        table.note(f"Hypervolume: {found.hypervolume:.6g}")
    if found.duplicates:
        equal = sum(map(len, found.duplicates))
        table.note(f"{equal} of these runs are equal to another one in all objectives.")


def _objectives(texts: Sequence[str]) -> dict[str, Direction]:
    found: dict[str, Direction] = {}
    for text in texts:
        # Metrics may hold colons themselves.
        metric, colon, direction = text.rpartition(":")
        if not colon or not metric or direction not in get_args(Direction):
            raise typer.BadParameter(f"{text!r}: write METRIC:max or METRIC:min")
        if metric in found:
            raise typer.BadParameter(f"{metric!r} is given twice")
        found[metric] = cast(Direction, direction)
    return found


def _point(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise typer.BadParameter(f"--reference {text!r}: write numbers such as 0,250") from error
