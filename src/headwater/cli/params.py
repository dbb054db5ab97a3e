"""``headwater params``: which params matter for a metric."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from headwater.cli import table
from headwater.cli.experiments import experiment_ids
from headwater.cli.options import Among, Csv, Filter, Json, Reduction, TrackingUri, WithinProject
from headwater.cli.table import Column
from headwater.client import importance as client
from headwater.client.connection import connect
from headwater.entities.importance import Importance

_COLUMNS = (
    Column("param"),
    Column("permutation", "number"),
    Column("permutation_low", "number"),
    Column("permutation_high", "number"),
    Column("variance", "number"),
    Column("variance_low", "number"),
    Column("variance_high", "number"),
    Column("kind"),
    Column("scale"),
    Column("distinct", "number"),
    Column("absent", "number"),
)
_SHOWN = (
    Column("param"),
    Column("permutation", "number"),
    Column("permutation_range", title="95 % of trees"),
    Column("variance", "number", "alone"),
    Column("variance_range", title="95 % of trees"),
    Column("values"),
)
_PAIRS_SHOWN = 5


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    params = typer.Typer(no_args_is_help=True, help="Which params matter for a metric.")
    params.callback()(_params)
    params.command("importance")(importance)
    app.add_typer(params, name="params")


def importance(
    metric: Annotated[str, typer.Option("--metric", "-m", help="What depends on the params.")],
    experiment: Among = None,
    project: WithinProject = None,
    text: Filter = None,
    reduction: Reduction = "last",
    param: Annotated[
        list[str] | None,
        typer.Option("--param", help="Look at this param; may be repeated. All by default."),
    ] = None,
    trees: Annotated[int, typer.Option(help="Of the forest.")] = 100,
    seed: Annotated[int, typer.Option(help="Of all that is drawn at random.")] = 0,
    tracking_uri: TrackingUri = None,
    json_output: Json = False,
    csv_output: Csv = False,
) -> None:
    """Say which params a metric of many runs depends on, the most important first."""
    table.require_one_format(json_output, csv_output)
    with connect(tracking_uri) as server:
        ids = experiment_ids(server, experiment or ())
    found = client.importance(
        metric,
        filter=text or "",
        experiment_ids=ids,
        project=project,
        reduction=reduction,
        params=param or (),
        trees=trees,
        seed=seed,
        tracking_uri=tracking_uri,
    )
    if json_output:
        table.print_json(asdict(found))
    elif csv_output:
        table.print_csv(_COLUMNS, [asdict(each) for each in found.params])
    else:
        _print(found)
    for warning in found.warnings:
        table.note(f"Warning: {warning}")


def _params() -> None:
    """Keep the name of the subcommand, though it is the only one."""


def _print(found: Importance) -> None:
    print(
        f"{found.metric} of {table.counted(found.runs, 'run')}; the forest explains "
        f"{max(0.0, found.r_squared):.0%} of the variance of runs that it has not seen.\n"
    )
    rows = []
    for each in found.params:
        values = f"{each.distinct:,} ({each.kind}{', log' if each.scale == 'log' else ''})"
        rows.append(
            {
                "param": each.param,
                "permutation": round(each.permutation, 3),
                "permutation_range": _range(each.permutation_low, each.permutation_high),
                "variance": round(each.variance, 3),
                "variance_range": _range(each.variance_low, each.variance_high),
                "values": values + (f", absent in {each.absent:,}" if each.absent else ""),
            }
        )
    table.print_table(_SHOWN, rows)
    _print_lines(
        "Together, beyond each alone",
        [f"{e.a} and {e.b}: {e.variance:.3f}" for e in found.interactions[:_PAIRS_SHOWN]],
    )
    _print_lines("Left out", [f"{each.param}: {each.reason}" for each in found.left_out])


def _print_lines(title: str, lines: Sequence[str]) -> None:
    if lines:
        print(f"\n{title}")
    for line in lines:
        print(f"- {table.cell(line, 'text')}")


def _range(low: float, high: float) -> str:
    return f"{low:.3f} to {high:.3f}"
