"""``headwater compare``: whether one group of runs is better than others."""

import sys
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from headwater.cli import table
from headwater.cli.experiments import experiment_ids
from headwater.cli.options import Among, Json, Reduction, TrackingUri, WithinProject
from headwater.client import compare as client
from headwater.client.connection import connect
from headwater.client.verdict import Verdict
from headwater.entities.verdict import Choice, Missing
from headwater.errors import HeadwaterError
from headwater.wire import verdict_rows

_STYLES = {"better": "green", "worse": "red", "equivalent": "blue", "undecided": "yellow"}
_FAILED = 2
"""Exit status of an error: 1 says that the answer is not "better"."""


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command("compare")(compare)


def compare(
    groups: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILTER]...",
            help="Two filters or more, such as 'params.model = \"a\"'; the first is the candidate.",
        ),
    ] = None,
    metric: Annotated[str, typer.Option("--metric", "-m", help="What is compared.")] = "",
    higher_is_better: Annotated[
        bool | None,
        typer.Option("--higher-is-better/--lower-is-better", help="What counts as better."),
    ] = None,
    group_by: Annotated[
        list[str] | None,
        typer.Option("--group-by", help="Instead of filters: a column whose values make groups."),
    ] = None,
    candidate: Annotated[
        str | None, typer.Option(help="The group that is compared with the others.")
    ] = None,
    text: Annotated[
        str, typer.Option("--filter", "-f", help="What must hold for the runs of all groups.")
    ] = "",
    experiment: Among = None,
    project: WithinProject = None,
    reduction: Reduction = "last",
    paired_by: Annotated[
        str | None, typer.Option(help="A column such as params.seed that makes pairs of runs.")
    ] = None,
    margin: Annotated[
        float | None, typer.Option(help="A smaller difference does not matter.")
    ] = None,
    test: Annotated[Choice, typer.Option(help="Which test.")] = "auto",
    test_share: Annotated[
        float | None, typer.Option(help="Of corrected-t: size of the test set to the training set.")
    ] = None,
    alpha: Annotated[float, typer.Option(help="Level of significance.")] = 0.05,
    power: Annotated[float, typer.Option(help="Of which the runs still needed are counted.")] = 0.8,
    missing: Annotated[
        Missing, typer.Option(help="What becomes of runs without a finite value.")
    ] = "omit",
    seed: Annotated[int, typer.Option(help="Of all that is drawn at random.")] = 0,
    save: Annotated[
        str | None, typer.Option(metavar="RUN_ID", help="Keep the verdict at this run.")
    ] = None,
    tracking_uri: TrackingUri = None,
    json_output: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
) -> None:
    """Say whether the runs of the first group are better than those of the others.

    Exits with 0 where they are better, with 1 where they are not, and with 2 after an error.
    """
    if not metric or higher_is_better is None:
        raise typer.BadParameter("give --metric, and --higher-is-better or --lower-is-better")
    if json_output and markdown:
        raise typer.BadParameter("--json and --markdown exclude each other")
    try:
        with connect(tracking_uri) as server:
            ids = experiment_ids(server, experiment or ())
        verdict = client.compare(
            *(groups or ()),
            metric=metric,
            higher_is_better=higher_is_better,
            experiment_ids=ids,
            project=project,
            filter=text,
            group_by=group_by or (),
            candidate=candidate,
            reduction=reduction,
            paired_by=paired_by,
            margin=margin,
            test=test,
            test_share=test_share,
            alpha=alpha,
            power=power,
            missing=missing,
            seed=seed,
            tracking_uri=tracking_uri,
        )
        if save is not None:
            kept = client.save_verdict(verdict, save, tracking_uri=tracking_uri)
            table.note(f"Kept as {kept}.")
    except HeadwaterError as error:
        print(f"headwater: error: {error}", file=sys.stderr)
        raise typer.Exit(_FAILED) from error
    if json_output:
        table.print_json(verdict.to_dict())
    elif markdown:
        print(verdict.to_markdown(), end="")
    else:
        _print(verdict)
    raise typer.Exit(verdict.decision != "better")


def _print(verdict: Verdict) -> None:
    out = table.console()
    out.print(Text(verdict.headline, style=f"bold {_STYLES[verdict.decision]}"), soft_wrap=True)
    shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for place, title in enumerate(verdict_rows.TITLES):
        side = "left" if place in (0, len(verdict_rows.TITLES) - 1) else "right"
        shown.add_column(title, justify=side, overflow="fold")  # type: ignore[arg-type]
    for row in verdict_rows.rows(verdict.record):
        shown.add_row(*(Text(table.cell(each, "text")) for each in row))
    out.print()
    out.print(shown)
    for title, told in (
        ("Rests on", verdict_rows.notes(verdict.record)),
        ("Warnings", verdict_rows.warnings(verdict.record)),
    ):
        if told:
            out.print(Text(f"\n{title}", style="bold"))
        for line in told:
            out.print(Text(f"- {line}"), soft_wrap=True)
